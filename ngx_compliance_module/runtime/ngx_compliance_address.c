/*
 * A socket's address -> the 16 bytes that groups' networks and counters know.
 */
#include "ngx_compliance.h"


ngx_uint_t
ngx_compliance_address(const struct sockaddr *sockaddr, uint8_t address[16])
{
    const struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    const struct sockaddr_in6  *sin6;
#endif

    switch (sockaddr->sa_family) {

    case AF_INET:
        sin = (const struct sockaddr_in *) sockaddr;

        ngx_memzero(address, 10);
        address[10] = 0xff;
        address[11] = 0xff;
        ngx_memcpy(address + 12, &sin->sin_addr.s_addr, 4);

        return 1;

#if (NGX_HAVE_INET6)

    case AF_INET6:
        sin6 = (const struct sockaddr_in6 *) sockaddr;

        ngx_memcpy(address, &sin6->sin6_addr.s6_addr, 16);

        return 1;

#endif

    default:
        return 0;
    }
}
