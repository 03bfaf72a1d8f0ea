# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# Sourced by tools/demo and tools/check: installs the Debian packages they
# need and do not find. Works as root, or with sudo.

deps_build="gcc cmake ninja-build pkg-config libfuse3-dev fuse3 liburing-dev
	libcjson-dev libzstd-dev libxxhash-dev libstemmer-dev libcmocka-dev"
deps_demo="python3-minimal rsync curl jq"
deps_check="git clang libclang-rt-dev llvm clang-format shellcheck rsync curl jq
	attr python3-minimal unicode-data libunistring-dev"

# On Debian 12 the checks use clang 14, whose packages carry their version.
deps_versions() {
	if apt-cache show clang-14 >/dev/null 2>&1; then
		deps_check="${deps_check/clang libclang-rt-dev llvm clang-format/clang-14 libclang-rt-14-dev llvm-14 clang-format-14}"
	fi
}

# deps_install PACKAGE...: install those that are not there yet.
deps_install() {
	local missing=() package as_root=()

	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
			grep -q 'ok installed' || missing+=("$package")
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	[ "$(id -u)" -eq 0 ] || as_root=(sudo)
	echo "== installing ${missing[*]}"
	"${as_root[@]}" apt-get -q update >/dev/null &&
		DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get -qq \
			-o Dpkg::Use-Pty=0 install --no-install-recommends \
			"${missing[@]}" >/dev/null
}
