# fish completion for dormant: dormant completion fish | source
complete -c dormant -n __fish_use_subcommand -f -a '@COMMANDS@'
complete -c dormant -n '__fish_seen_subcommand_from help' -f -a '@COMMANDS@'
complete -c dormant -n '__fish_seen_subcommand_from profiles' -f -a '@PROFILES@'
complete -c dormant -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'
complete -c dormant -n '__fish_seen_subcommand_from journal; and not __fish_seen_subcommand_from verify' -f -a verify
