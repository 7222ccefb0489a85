# The compliance gateway.  `make help` lists what can be made.

SHELL       := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-builtin-rules

CC          ?= gcc
BUILD       := $(CURDIR)/build
NGINX_SRC   ?= /usr/share/nginx/src

ROOT        := ngx_compliance_module
CORE_SRCS   := $(wildcard $(ROOT)/core/*.c)
CTL_SRCS    := $(wildcard $(ROOT)/ctl/*.c)
CORE_LIBS   := -ljansson -lutf8proc -lcjose -lcrypto

WARNINGS    := -Wall -Wextra -Werror -Wformat=2 -Wshadow -Wvla -Wswitch-enum
HARDENING   := -O2 -g -D_FORTIFY_SOURCE=3 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 \
               -fstack-protector-strong -fstack-clash-protection \
               $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
HARDENING   := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
               -fstack-clash-protection $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
LDHARDENING := -Wl,-z,relro -Wl,-z,now
CFLAGS      := -std=c11 -D_GNU_SOURCE $(WARNINGS) $(HARDENING)

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

include $(sort $(wildcard tests/*/*.mk deploy/*/*.mk ngx_compliance_module/*/*.mk))
