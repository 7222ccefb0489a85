#include "import_fields.h"
ctl_exit_t ctl_import_csv(ctl_t *ctl) { (void) ctl; return CTL_DONE; }
void ctl_import_csv_details(void) { }
