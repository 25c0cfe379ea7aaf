# SPDX-License-Identifier: Apache-2.0
# Sourced. Debian packages of any suite and architecture by an apt state of our
# own, so that the host's lists and packages stay as they are. The mirror is the
# one that apt is configured with.
#
# private_apt STATE_DIR ARCH SUITE sets the array `private`, apt's options, or
# ends the script with a message. who: the script's name, for messages.

# By what the mirror says of itself; before the first apt-get update nothing is
# known of that, and the suite's name must do.
debian_site()
{
	local suite
	suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	apt-get indextargets --format '$(SITE) $(COMPONENT) $(IDENTIFIER) $(RELEASE) $(ORIGIN) $(LABEL)' |
		awk -v suite="$suite" '$2 != "main" || $3 != "Packages" { next }
			$5 == "Debian" && $6 == "Debian" { print $1; found = 1; exit }
			$4 == suite && guess == "" { guess = $1 }
			END { if (!found && guess != "") print guess }'
}

private_apt()
{
	local state=$1 arch=$2 suite=$3 site
	site=$(debian_site)
	[ -n "$site" ] || {
		echo "$who: apt knows no Debian mirror (is its list empty? try apt-get update)" >&2
		exit 1
	}
	mkdir -p "$state/lists/partial" "$state/archives/partial"
	: >"$state/status"
	printf 'deb [arch=%s signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
		"$arch" "$site" "$suite" >"$state/sources.list"
	private=(-o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=-
		-o "Dir::State=$state" -o "Dir::State::status=$state/status"
		-o "Dir::State::lists=$state/lists" -o "Dir::Cache::archives=$state/archives"
		-o "Dir::Cache::pkgcache=$state/pkgcache.bin"
		-o "Dir::Cache::srcpkgcache=$state/srcpkgcache.bin"
		-o "APT::Architecture=$arch" -o "APT::Architectures=$arch"
		-o Acquire::Languages=none -o APT::Sandbox::User=root
		-o Acquire::Check-Valid-Until=false -o Acquire::Retries=2)
	apt-get "${private[@]}" -qq update >"$state/update.log" 2>&1 || {
		echo "$who: the mirror cannot be reached, or does not serve $suite for $arch:" >&2
		tail -n 3 "$state/update.log" >&2
		exit 1
	}
}
