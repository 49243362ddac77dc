"""The lexer: words, quotes, operators, what is shell, what is taken out; and that no text whatever upsets it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmagic.commands.cell import split
from nsmagic.commands.command import Cell
from nsmagic.commands.lexer import scan
from nsmagic.errors import CommandSyntaxError
from tests.fuzz import examples


def words(text: str) -> list[tuple[str, ...]]:
    found = scan(text)
    assert not found.reasons
    return [simple.argv for simple in found.simples]


def why(text: str) -> tuple[int, str]:
    return scan(text).reasons[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ip link", [("ip", "link")]),
        ("  ip\tlink  \n\n", [("ip", "link")]),
        ("", []),
        ("# only a comment", []),
        ("ip link # trailing 'quote", [("ip", "link")]),
        ("ip link#not-a-comment", [("ip", "link#not-a-comment")]),
        ("ip 'a b' \"c d\" e\\ f", [("ip", "a b", "c d", "e f")]),
        ("echo '' \"\"", [("echo", "", "")]),
        ("echo a'b'\"c\"d", [("echo", "abcd")]),
        ('echo "a\\"b\\\\c\\d"', [("echo", 'a"b\\c\\d')]),
        ("echo 'a\\b'", [("echo", "a\\b")]),
        ("echo a\\'b", [("echo", "a'b")]),
        ("ip link \\\n show \\\n lo", [("ip", "link", "show", "lo")]),
        ("ip li\\\nnk", [("ip", "link")]),
        ("echo \"a\\\nb\"", [("echo", "ab")]),
        ("echo 'a\nb'", [("echo", "a\nb")]),
        ("a; b;c ;", [("a",), ("b",), ("c",)]),
        ("a && b || c", [("a",), ("b",), ("c",)]),
        ("a &&\n\n # x\n b", [("a",), ("b",)]),
        ("a & b", [("a",), ("b",)]),
        ("echo $ a$ \"$\" $.", [("echo", "$", "a$", "$", "$.")]),
        ("echo {} {a} a{ }", [("echo", "{}", "{a}", "a{", "}")]),
        ("echo a~ b~c x=~", [("echo", "a~", "b~c", "x=~")]),
        ("echo '$x' \"\\$x\" \\$x '*' \\*", [("echo", "$x", "$x", "$x", "*", "*")]),
        ("echo if then X=1 sudo", [("echo", "if", "then", "X=1", "sudo")]),
        ("ping é 日本 \U0001f600", [("ping", "é", "日本", "\U0001f600")]),
        ("a\\", [("a\\",)]),
    ],
)  # fmt: skip
def test_words(text: str, expected: list[tuple[str, ...]]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "text",
    [row for row in (
        "ip link", "ip 'a b' \"c d\" e\\ f", "echo '' \"\"", "echo a'b'\"c\"d", 'echo "a\\"b\\\\c\\d"', "echo a\\'b", "ip li\\\nnk",
        "echo \"a\\\nb\"", "echo 'a\nb'", "echo {} {a} a{ }", "echo '$x' \"\\$x\" \\$x '*' \\*", "echo a\"$\"b c\\\\d", "echo 'é' \\é",
    )],
)  # fmt: skip
@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_sees_the_same_words(text: str) -> None:
    script = f'show() {{ printf "%s\\0" "$@"; }}\nshow {text}'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert tuple(done.stdout.split("\0")[:-1]) == words(text)[0]


def test_words_keep_their_positions() -> None:
    text = "ip link\nip 'a b' # c"
    for simple in scan(text).simples:
        for word in simple.words:
            assert shlex.split(text[word.start : word.end]) == [word.text]
    assert [simple.line for simple in scan(text).simples] == [1, 2]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("ip a | cat", 1, "a pipe"), ("ip a |& cat", 1, "a pipe"), ("ip a\nip b > f", 2, "a redirection"), ("a 2>/dev/null", 1, "a redirection"),
        ("a &> f", 1, "a redirection"), ("a <<< b", 1, "a redirection"), ("a < f", 1, "a redirection"), ("echo $x", 1, "a variable"),
        ("echo ${x}", 1, "a variable"), ('echo "$x"', 1, "a variable"), ("echo $?", 1, "a variable"), ("echo $(id)", 1, "a command substitution"),
        ("echo `id`", 1, "a command substitution"), ('echo "`id`"', 1, "a command substitution"), ("echo $((1+1))", 1, "arithmetic"),
        ("echo $'a'", 1, "a quote with $"), ("X=1", 1, "an assignment"), ("X=1 ip a", 1, "an assignment"), ("x+=1", 1, "an assignment"),
        ("a[0]=1", 1, "an assignment"), ("ls *", 1, "a pattern for file names"), ("ls a?", 1, "a pattern for file names"),
        ("ls [ab]", 1, "a pattern for file names"), ("*", 1, "a pattern for file names"), ("echo {a,b}", 1, "braces"), ("echo {1..3}", 1, "braces"), ("ls ~", 1, "~"),
        ("ls ~/x", 1, "~"), ("if true; then a; fi", 1, "if"), ("for i in 1; do a; done", 1, "for"), ("while a; do b; done", 1, "while"),
        ("case a in b) c;; esac", 1, "case"), ("f() { a; }", 1, "a subshell or function"), ("(a)", 1, "a subshell or function"),
        ("{ a; }", 1, "{"), ("! a", 1, "!"), ("[[ -f x ]]", 1, "[["), ("time ip a", 1, "time"), ("cd /tmp", 1, "cd"), ("export X", 1, "export"),
        ("set -e", 1, "set"), (". ./x", 1, "."), ("wait", 1, "wait"), ("a && b &", 1, "& after a list"),
    ],
)  # fmt: skip
def test_what_makes_a_cell_a_script(text: str, line: int, reason: str) -> None:
    assert why(text) == (line, reason)


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("echo 'a", "unfinished quote ' (line 1, character 6)", 5),
        ('ip a\nip b\n  echo "a\nb', 'unfinished quote " (line 3, character 8)', 17),
        ("a && ", "syntax error: unexpected end of file after `&&' (line 1, character 5)", 4),
        ("ip a\n&& b", "syntax error near unexpected token `&&' (line 2, character 1)", 5),
        ("a ; ; b", "syntax error near unexpected token `;' (line 1, character 5)", 4),
        ("a || || b", "syntax error near unexpected token `||' (line 1, character 6)", 5),
        ("& a", "syntax error near unexpected token `&' (line 1, character 1)", 0),
        (") a", "syntax error near unexpected token `)' (line 1, character 1)", 0),
        ("a\0b", "a NUL character cannot stand in a command (line 1, character 2)", 1),
    ],
)
def test_refuses_with_line_and_position(text: str, message: str, at: int) -> None:
    with pytest.raises(CommandSyntaxError) as caught:
        scan(text)
    assert (caught.value.message, caught.value.at) == (message, at)
    assert caught.value.hint


def test_a_broken_quote_after_shell_is_for_bash() -> None:
    assert why("echo $x 'abc") == (1, "a variable")
    assert why("echo $(echo 'abc") == (1, "a command substitution")


def test_heredocs_are_not_read_as_commands() -> None:
    found = scan("cat <<EOF\nsudo 'x\nEOF\nip link")
    assert [simple.argv for simple in found.simples] == [("cat",), ("ip", "link")]
    assert found.simples[0].heredoc is not None
    assert found.simples[0].heredoc.lines == ("sudo 'x",)
    tabs = scan("cat <<-'E'\n\t$x\n\tE\nip link").simples
    assert tabs[0].heredoc is not None
    assert (tabs[0].heredoc.lines, tabs[0].heredoc.literal, tabs[1].argv) == (("$x",), True, ("ip", "link"))


@pytest.mark.parametrize("size", [200_000])
@pytest.mark.parametrize(
    "unit",
    [
        "ip link\n",
        "a && ",
        "'a' ",
        "$(",
        "((",
        '"',
        "\\\n",
        "`",
        "${",
        "<<E\n",
        "# x\n",
        "a;",
        "{",
        "sudo ",
        "user@h:~$ ",
    ],
)
def test_work_stays_bounded(unit: str, size: int) -> None:
    text = unit * (size // len(unit))
    before = time.thread_time()
    try:
        cell = split(text)
    except CommandSyntaxError:
        cell = None
    assert cell is None or isinstance(cell, Cell)
    assert time.thread_time() - before < 10


PIECES = st.one_of(
    st.sampled_from(
        ["ip", "link", "addr", "netns", "exec", "red", "bash", "exit", "sudo", "-E", "-u", "root", "--", "$", "#", "&&", "||", ";", "&", "|", ">", "<", ">>", "<<", "<<-", "<<<", "(", ")", "{", "}", "[[", "]]", "if", "then", "fi", "for", "do", "done", "case", "esac", "EOF", "'EOF'", "'", '"', "\\", "`", "$(", "$((", "))", "${", "}", "$x", "*", "?", "[", "]", "~", "X=1", "user@host:~$", "root@h:~#", "[root@h", "~]#", "host>", "-b", "-", "-batch", "nsenter", "--net=/run/netns/red"]
    ),
    st.sampled_from(["\n", " ", "\t", "\r\n", "\\\n", "\n# ", "\n$ ", " # ", "\0", "\v", "\x1b[0m", "\ufeff", "\u2028"]),
    st.text(max_size=6),
)  # fmt: skip


@examples(2000, "cells", texts=3)
@given(st.lists(PIECES, max_size=14))
def test_no_text_upsets_the_cell_reader(pieces: list[str]) -> None:
    for text in ("".join(pieces), " ".join(pieces), " ".join(reversed(pieces))):
        _is_read(text)


def _is_read(text: str) -> None:
    try:
        cell: Cell | CommandSyntaxError = split(text)
    except CommandSyntaxError as error:
        cell = error
    if isinstance(cell, CommandSyntaxError):
        assert cell.message
        assert 0 <= cell.at <= len(cell.text)
        return
    lines = text.replace("\r\n", "\n").count("\n") + 1
    assert all(1 <= step.line <= lines for step in cell.steps)
    if cell.script is not None:
        assert not cell.steps
        assert cell.script.why
        assert cell.script.text.count("\n") >= text.replace("\r\n", "\n").count("\n")


@examples(1500, "quoted words")
@given(
    st.lists(
        st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=12),
        min_size=1,
        max_size=6,
    )
)
def test_quoted_words_come_back_as_they_were(argv: list[str]) -> None:
    assert words(shlex.join(["echo", *argv])) == [("echo", *argv)]
