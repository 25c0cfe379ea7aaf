# SPDX-License-Identifier: Apache-2.0
# Completion of picket and picket-ship for bash. What there is to complete it asks picket for
# (--list-options), so it is always that of the picket that is installed.

# The value of an option, by what --list-options says stands for it.
_picket_value()
{
	case $1 in
	FILE | UID) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
	DIR) mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
	# A word in capitals stands for others.
	*'|'*) mapfile -t COMPREPLY < <(compgen -W "${1//|/ }" -- "$2" |
		grep -v '^[A-Z]*$') ;;
	*) COMPREPLY=() ;;
	esac
}

_picket()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} list option

	list=$("${COMP_WORDS[0]}" --list-options 2>/dev/null) || return 0
	# picket-ship has options and no commands.
	if [[ ${COMP_WORDS[0]} == *picket-ship ]]; then
		list=$(sed 's/ / - /' <<<"$list")
		command=-
	elif [ "$COMP_CWORD" = 1 ]; then
		list=$(awk '{ print $2 }' <<<"$list" | sort -u)
		mapfile -t COMPREPLY < <(compgen -W "$list" -- "$cur")
		return 0
	fi
	list=$(awk -v command="$command" '$2 == command { print $3 }' <<<"$list")
	# '--kind=x' is three words to bash.
	if [ "$cur" = '=' ]; then
		cur=
	elif [ "$prev" = '=' ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	option=$(grep -e "^$prev=" <<<"$list")
	if [ -n "$option" ]; then
		_picket_value "${option#*=}" "$cur"
		compopt -o filenames 2>/dev/null
		return 0
	fi
	# Of a letter its value is completed, and that is all.
	list=$(sed -n 's/^\(--[^=]*\).*/\1/p' <<<"$list")
	mapfile -t COMPREPLY < <(compgen -W "$list" -- "$cur")
	return 0
}

complete -F _picket picket picket-ship
