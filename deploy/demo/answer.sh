#!/bin/sh
# SPDX-License-Identifier: MIT
# answer.sh: answers a question with what ssecgi's own documentation says, word by word.
#
#     echo 'How does a reader resume?' | deploy/demo/answer.sh FOLDER [PAUSE_S]
#
# For the demo: it shows how an answer arrives, and needs no service and no key. It understands nothing. It
# looks for the question's words in FOLDER/README.md and most of FOLDER/doc, where rare words count more, and
# prints the one or two passages that hold most of them. Only the first 2000 bytes of a question are read.
set -eu
LC_ALL=C
export LC_ALL

if [ $# -lt 1 ] || [ ! -r "$1/README.md" ]; then
    echo "usage: answer.sh FOLDER [PAUSE_S]" >&2
    exit 2
fi
pause_s=${2:-0.04}
cd "$1"

find_passages() {
    QUESTION=$(head -c 2000) awk '
    # What the page shows should read as text.
    function plain(text) {
        gsub(/\]\([^)]*\)/, "", text)
        gsub(/[`*\[]/, "", text)
        return text
    }

    # A word without the endings that make two of one; "" for one that says nothing.
    function stem(word) {
        if (length(word) < 3 || word in common)
            return ""
        if (length(word) > 4)
            sub(/(ings?|ies|ed|es|e|s)$/, "", word)
        return word
    }

    function end_passage(    n, i, word, words, seen) {
        if (length(passage) > 60 && passage ~ /[.:]$/) {
            count++
            text[count] = plain(passage)
            origin[count] = file (heading == "" ? "" : ", " heading)
            n = split(tolower(heading " " passage), words, /[^a-z0-9_]+/)
            for (i = 1; i <= n; i++) {
                word = stem(words[i])
                if (word in asked && !(word in seen)) {
                    seen[word] = 1
                    in_passages[word]++
                    hits[count] = hits[count] " " word
                }
            }
        }
        passage = ""
    }

    BEGIN {
        n = split("about and any are but can does for from has have how its not out that the then there they" \
                  " this was what when where which who why will with you your tell me ssecgi", list, " ")
        for (i = 1; i <= n; i++)
            common[list[i]] = 1
        n = split(tolower(ENVIRON["QUESTION"]), list, /[^a-z0-9_]+/)
        for (i = 1; i <= n; i++)
            if ((word = stem(list[i])) != "")
                asked[word] = 1
    }

    FNR == 1 { end_passage(); file = FILENAME; heading = ""; is_code = 0 }
    /^```/ { end_passage(); is_code = !is_code; next }
    is_code || /^(    |<!--|\||!)/ { next }
    /^#/ { end_passage(); heading = $0; sub(/^#+ */, "", heading); heading = plain(heading); next }
    /^[ \t]*$/ { end_passage(); next }
    /^- / { end_passage(); sub(/^- /, "") }
    { sub(/^ +/, ""); passage = passage (passage == "" ? "" : " ") $0 }

    END {
        end_passage()
        for (i = 1; i <= count; i++) {
            n = split(hits[i], words, " ")
            for (j = 1; j <= n; j++)
                score[i] += log(1 + count / in_passages[words[j]])
        }
        for (shown = 0; shown < 2; shown++) {
            best = 0
            for (i = 1; i <= count; i++)
                if (score[i] > (best ? score[best] : 0))
                    best = i
            if (!best || (shown && score[best] < 0.8 * top))
                break
            top = shown ? top : score[best]
            printf "%s%s\n(%s)\n", shown ? "\n" : "", text[best], origin[best]
            score[best] = 0
        }
        if (!shown)
            print "I know nothing but ssecgi\047s own documentation, and these words are not in it. Ask for example" \
                  " how a reader resumes, what a gap is, or what is refused as a module."
    }' README.md doc/[!p]*.md doc/publish.md
}

# A write for each word, so that each is an event.
print_slowly() {
    while IFS= read -r line; do
        set -f
        for word in $line; do
            printf '%s ' "$word"
            sleep "$pause_s"
        done
        set +f
        printf '\n'
    done
}

find_passages | print_slowly
