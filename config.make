# Sourced by nginx's configure when it writes its Makefile: what is made from
# plain files, and made again when they change.

cat << END >> $NGX_MAKEFILE

$NGX_OBJS/compliance_portal_css.h:	$ngx_addon_dir/ngx_compliance_module/web/portal.css $ngx_addon_dir/ngx_compliance_module/web/embed
	sh $ngx_addon_dir/ngx_compliance_module/web/embed COMPLIANCE_PORTAL_CSS $ngx_addon_dir/ngx_compliance_module/web/portal.css > \$@.new
	mv \$@.new \$@

END
