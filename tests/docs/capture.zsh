# Prints what zsh offers to complete the line $1 with the functions in directory $2, one candidate a line, unquoted.
#
# Completion runs inside the line editor only, and that only on a terminal: an inner zsh on a pseudo-terminal sources
# this file again, with CAPTURE naming the file that takes the candidates.

if [[ -n ${CAPTURE-} ]]; then
  # cargo leaves files beside the programs that are none.
  setopt hash_executables_only
  fpath=($FUNCTIONS $fpath)
  autoload -Uz compinit && compinit -u -D
  compadd() {
    # Calls that only fill arrays add nothing.
    if [[ " ${@[1,(i)(-|--)]} " == *' -'[OAD]* ]]; then builtin compadd "$@"; return; fi
    local -a matches
    builtin compadd -A matches "$@"
    local match
    for match in $matches; do print -r -- "${(Q)IPREFIX}${(Q)match}" >> $CAPTURE; done
    builtin compadd "$@"
  }
  # The marks are written in two pieces, so that the echo of a command is never taken for its result.
  offer() { zle complete-word; print -r -- DO''NE }
  zle -N offer
  bindkey '^T' offer
  print REA''DY
  return
fi

zmodload zsh/zpty
CAPTURE=$(mktemp) FUNCTIONS=$2
export CAPTURE FUNCTIONS TERM=dumb
zpty -b inner zsh -f -i
zpty -w inner "source ${(q)0:A}"
zpty -r inner shown '*READY*' || exit 1
zpty -w -n inner "$1"$'\C-t'
zpty -r inner shown '*DONE*' || exit 1
zpty -d inner
cat $CAPTURE
rm $CAPTURE
