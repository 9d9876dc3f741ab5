# bash completion for dormant: source <(dormant completion bash)
_dormant() {
  local word=${COMP_WORDS[COMP_CWORD]}
  local words=
  if ((COMP_CWORD == 1)); then
    words='@COMMANDS@'
  elif ((COMP_CWORD == 2)); then
    case ${COMP_WORDS[1]} in
      help) words='@COMMANDS@' ;;
      profiles) words='@PROFILES@' ;;
      completion) words='bash zsh fish' ;;
      journal) words='verify' ;;
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _dormant dormant
