# fish completion for cfpd and the cfp tools: options, local files, and names on the server.
#
# It asks the server only where an operand can be on it, waits two seconds at most, and stays silent when no
# server answers. A name that holds a newline or a tab is left out: fish has no way to take one.

# Says whether the current word names a file on the server.
function __cfp_on_server
    string match -q ':*' -- (commandline -ct | string unescape)
end

# Prints the names on the server that begin as the current word does, with or without a colon.
function __cfp_names
    set -l word (commandline -ct | string unescape)
    set -l colon (string match -r '^:' -- "$word")
    set -l path (string replace -r '^:' '' -- "$word")
    set -l directory (string match -r '^.*/' -- "$path")
    set -l server
    set -l words (commandline -opc)
    set -l at (contains -i -- -s $words; or contains -i -- --server $words)
    and test $at -lt (count $words)
    and set server -s (string unescape -- $words[(math $at + 1)])
    set -l at (contains -i -- -u $words; or contains -i -- --user $words)
    and test $at -lt (count $words)
    and set -a server -u (string unescape -- $words[(math $at + 1)])
    set -l at (contains -i -- --cacert $words)
    and test $at -lt (count $words)
    and set -a server --cacert (string unescape -- $words[(math $at + 1)])
    for name in (timeout 2 cfp-ls -q -0 $server -- ":$directory" 2>/dev/null </dev/null | string split0)
        string match -qr '[\n\t]' -- $name; or printf '%s\n' "$colon$directory$name"
    end
end

# Says whether the current word is still one of cfpd itself, not of the command behind its `--`.
function __cfp_before_command
    not contains -- -- (commandline -opc)
end

# Completes what stands behind the `--` of cfpd as a command line of its own.
function __cfp_command
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words)
    complete -C (string join ' ' -- (string escape -- $words[(math $at + 1)..]) (commandline -ct))
end

set -l tools cfp-search cfp-replace cfp-reverse cfp-cat cfp-put cfp-get cfp-ls cfp-mv cfp-cp cfp-rm cfp-shell

for tool in $tools
    complete -c $tool -s s -l server -x -d 'The server'
    complete -c $tool -l cacert -r -d 'Certificates to trust'
    complete -c $tool -l connect-timeout -x -d 'Seconds a connection may take'
    complete -c $tool -l timeout -x -d 'Seconds the server may say nothing'
    complete -c $tool -s u -l user -x -d 'Who you are'
    complete -c $tool -s z -l compress -x -a 'auto always never' -d 'Compress the transfer'
    complete -c $tool -s q -l quiet -d 'Show neither progress nor remarks'
    complete -c $tool -s v -l verbose -d 'Tell what is asked and answered'
end
for program in cfpd $tools
    complete -c $program -n __cfp_before_command -s h -l help -d 'Print a summary of the options'
    complete -c $program -n __cfp_before_command -s V -l version -d 'Print the version'
end

# Operands: on either side, on the server alone, here alone, none.
for tool in cfp-search cfp-replace cfp-reverse cfp-cat
    complete -c $tool -n __cfp_on_server -f -a '(__cfp_names)'
end
for tool in cfp-get cfp-ls cfp-mv cfp-cp cfp-rm
    complete -c $tool -f -a '(__cfp_names)'
end
complete -c cfp-shell -f

for tool in cfp-search cfp-replace
    complete -c $tool -s i -l ignore-case -d 'Take upper and lower case as one'
    complete -c $tool -l substring -d 'Inside longer words too'
end
for tool in cfp-search cfp-replace cfp-reverse
    complete -c $tool -l local -d 'Without a server'
end
for tool in cfp-replace cfp-reverse
    complete -c $tool -l in-place -d 'Give each result the name of its source'
    complete -c $tool -n 'not __cfp_on_server' -s o -l output -r -F -d 'Store the result'
    complete -c $tool -n __cfp_on_server -s o -l output -x -a '(__cfp_names)'
end
for tool in cfp-put cfp-mv cfp-cp
    complete -c $tool -s n -l no-clobber -d 'Leave an existing file alone'
end
for tool in cfp-replace cfp-reverse cfp-put cfp-mv cfp-cp cfp-rm
    complete -c $tool -l if-match -x -d 'Only if it has this tag'
end
for tool in cfp-put cfp-get
    complete -c $tool -l retry -x -d 'How often to try again'
end
for tool in cfp-search cfp-put cfp-get cfp-rm
    complete -c $tool -s r -l recursive -d 'Directories with all in them'
end

complete -c cfp-search -l per-file -d 'A count for each file'
complete -c cfp-search -l lines -d 'The lines instead of their count'
complete -c cfp-search -l decompress -d 'Inside zstd and gzip'
complete -c cfp-search -l json -d 'Print JSON'

complete -c cfp-replace -s n -l count -d 'Print how many it would be'

complete -c cfp-reverse -l per-line -d 'Each line by itself'

complete -c cfp-cat -s n -l number -d 'Number the lines'

complete -c cfp-put -s t -l target -x -a '(__cfp_names)' -d 'Into this directory of the server'
complete -c cfp-put -l as -x -a '(__cfp_names)' -d 'Under this name'

complete -c cfp-get -s c -l continue -d 'Go on where it was cut'
complete -c cfp-get -s i -l include -d 'Print the head of the answer too'
complete -c cfp-get -s o -l output -r -F -d 'Store as'

complete -c cfp-ls -s l -l long -d 'Size and time too'
complete -c cfp-ls -s R -l recursive -d 'All beneath'
complete -c cfp-ls -s 0 -l null -d 'End names with NUL'
complete -c cfp-ls -l json -d 'Print JSON'

complete -c cfp-rm -s f -l force -d 'What is not there is no error'

complete -c cfp-shell -s c -l command -x -d 'Carry out one command'

complete -c cfpd -n __cfp_before_command -s r -l root -x -a '(__fish_complete_directories)' -d 'Serve the files beneath'
complete -c cfpd -n __cfp_before_command -s l -l listen -x -d 'Listen there'
complete -c cfpd -n __cfp_before_command -l tls-cert -r -d 'Certificates for TLS'
complete -c cfpd -n __cfp_before_command -l tls-key -r -d 'Their private key'
complete -c cfpd -n __cfp_before_command -l hsts -x -d 'Seconds of TLS alone'
complete -c cfpd -n __cfp_before_command -l users -r -d 'Users and passwords'
complete -c cfpd -n __cfp_before_command -l access -r -d 'Who may what'
complete -c cfpd -n __cfp_before_command -l host -x -d 'Answer to this host too'
complete -c cfpd -n __cfp_before_command -l insecure-plain -d 'Unencrypted to other machines'
complete -c cfpd -n __cfp_before_command -l read-only -d 'Refuse every change'
complete -c cfpd -n __cfp_before_command -l trusted-proxy -x -d 'Addresses of a proxy that names the client'
complete -c cfpd -n __cfp_before_command -l max-connections -x -d 'Connections at once'
complete -c cfpd -n __cfp_before_command -l max-per-address -x -d 'Connections of one address'
complete -c cfpd -n __cfp_before_command -l max-file-size -x -d 'Size of a stored file'
complete -c cfpd -n __cfp_before_command -l max-ratio -x -d 'Times as large as its coded bytes a body may become'
complete -c cfpd -n __cfp_before_command -l keep-free -x -d 'Room to leave on the disk'
complete -c cfpd -n __cfp_before_command -l max-spool -x -d 'Disk for requests being answered'
complete -c cfpd -n __cfp_before_command -l no-sync -d 'Answer before a write is on the disk'
complete -c cfpd -n __cfp_before_command -l header-timeout -x -d 'Seconds for a request head'
complete -c cfpd -n __cfp_before_command -l idle-timeout -x -d 'Seconds without movement'
complete -c cfpd -n __cfp_before_command -l min-rate -x -d 'Bytes a second at least'
complete -c cfpd -n __cfp_before_command -l partial-ttl -x -d 'Seconds to keep an upload that was cut'
complete -c cfpd -n __cfp_before_command -l max-partials -x -d 'How many of those are kept'
complete -c cfpd -n __cfp_before_command -l send-size -x -d 'Bytes a send'
complete -c cfpd -n __cfp_before_command -l scan-jobs -x -d 'Threads that search'
complete -c cfpd -n __cfp_before_command -l log -r -d 'A line for each request'
complete -c cfpd -n __cfp_before_command -l log-format -x -a 'combined json' -d 'Form of the log'
complete -c cfpd -n __cfp_before_command -l background -d 'Go on in the background'
complete -c cfpd -n __cfp_before_command -l pid-file -r -d 'The number of the process'
complete -c cfpd -n __cfp_before_command -l run-as -x -a '(__fish_complete_users)' -d 'Go on as this user'
complete -c cfpd -n __cfp_before_command -l grace -x -d 'Seconds to finish when stopped'
complete -c cfpd -n __cfp_before_command -l check -d 'Say what is wrong, start nothing'
complete -c cfpd -n __cfp_before_command -l explain -x -d 'Which rule decides'
complete -c cfpd -n 'not __cfp_before_command' -f -a '(__cfp_command)'
