#!/usr/bin/env bash
# fails when a tracked file holds a private key or a path that exists on one developer's machine only, or is a program.
set -euo pipefail
cd "$(dirname "$0")/.."

# tracked lists what is in git or about to be, less what is deleted here
tracked() {
  git ls-files -z --cached --others --exclude-standard -- "$@" |
    while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done
}

count=$(tracked | tr -cd '\0' | wc -c)
if [ "$count" = 0 ]; then
  echo "secrets: git lists no file here" >&2
  exit 1
fi

# search prints the files among those on its input that match a pattern; a match may span lines
search() {
  PATTERN=$1 perl -0 -ne '
    chomp;
    open my $file, "<:raw", $_ or die "secrets: $_: $!\n";
    my $text = do { local $/; <$file> } // "";
    print "$_\n" if $text =~ /$ENV{PATTERN}/m;'
}

bad=0
report() {
  [ -z "$2" ] && return
  echo "secrets: $1:" >&2
  echo "$2" >&2
  bad=1
}

# a header alone is code that reads keys; a header followed by base64 (or by \n and base64 in a string) is a key
key='-----BEGIN [A-Z ]*PRIVATE KEY-----(\s|\\n|\\r|["`+])*[A-Za-z0-9+/=]{40}'
found=$(tracked | search "$key")
report "private key in git" "$found"

found=$(tracked '*.key' '*.p12' '*.pfx' '*.jks' '.env' '.env.*' | tr '\0' '\n')
report "key store or environment file in git" "$found"

path='(^|[\s"`=(:,\x27])/(root|work|Users/[\w.-]+)/[\w.]'
found=$(tracked | search "$path")
report "path of one machine in git (use a relative one, or a temporary folder)" "$found"

# what was built by accident: an ELF, Mach-O or Windows program
program='\A(?:\x7fELF|MZ.{30,200}PE\0\0|[\xfe\xca\xcf][\xed\xfe\xfa\xba])'
found=$(tracked | search "(?s)$program")
report "program in git (add what builds it to .gitignore)" "$found"

[ "$bad" = 0 ] && echo "secrets: $count files, no private key, no machine path, no program"
exit "$bad"
