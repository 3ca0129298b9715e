# Prints what bash offers to complete the line $1 with the file $2, one candidate a line; the further arguments are
# the words of the line as readline breaks them.
source "$2"
COMP_LINE=$1 COMP_POINT=${#1}
shift 2
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_cfp
printf '%s\n' "${COMPREPLY[@]}"
