#compdef dormant
# zsh completion for dormant: source <(dormant completion zsh)
_dormant() {
  local -a words_here
  if ((CURRENT == 2)); then
    words_here=(@COMMANDS@)
  elif ((CURRENT == 3)); then
    case ${words[2]} in
      help) words_here=(@COMMANDS@) ;;
      profiles) words_here=(@PROFILES@) ;;
      completion) words_here=(bash zsh fish) ;;
      journal) words_here=(verify) ;;
    esac
  fi
  if ((${#words_here})); then compadd -a words_here; else _files; fi
}
compdef _dormant dormant
