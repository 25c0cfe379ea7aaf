# SPDX-License-Identifier: Apache-2.0
# Completion of picket and picket-ship for fish. What there is to complete it asks picket for
# (--list-options), so it is always that of the picket that is installed.

function __picket_list
    set -l words (commandline -opc)
    command $words[1] --list-options 2>/dev/null
end

function __picket_commands
    __picket_list | string replace -r '^\S+ (\S+).*' '$1' | sort -u
end

# The options of the command that is on the line, as they are typed.
function __picket_options
    set -l words (commandline -opc)
    set -l command "$words[2] "
    # picket-ship has options and no commands.
    string match -q -- '*picket-ship' $words[1]; and set command ''
    __picket_list | string match -r "^\S+ $command-.*" |
        string replace -r '.* (\S+)$' '$1'
end

function __picket_complete
    set -l words (commandline -opc)
    if test (count $words) -eq 1; and not string match -q -- '*picket-ship' $words[1]
        __picket_commands
        return
    end
    set -l option (__picket_options | string match -- "$words[-1]=*")
    if test -z "$option"
        # Of a letter its value is completed, and that is all.
        __picket_options | string match -- '--*' | string replace -r '=.*' ''
        return
    end
    switch (string replace -r '^[^=]*=' '' -- $option)
        case FILE DIR
            __fish_complete_path (commandline -ct)
        case '*|*'
            string replace -r '^[^=]*=' '' -- $option | string split '|' |
                string match -rv '^[A-Z]+$' # it stands for others
    end
end

complete -c picket -c picket-ship -f -a '(__picket_complete)'
