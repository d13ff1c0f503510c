r"""Writes SQL that is nasty to split: valid for PostgreSQL's grammar, full of what a scanner takes for something else.

Deterministic: a seed gives one text, for ever the same on one version of Python. `Writer.script` gives what the server would
parse; `Writer.psql_script` also has COPY rows and backslash commands, and beside it the same text with those made blank,
which the server's parser can read.
"""

from __future__ import annotations

from random import Random

GAPS = (
    (" ",) * 8
    + ("\n", "\t", "\r\n", "\f", "\n\n  ", " \t ")
    + (
        "/**/",
        "/***/",
        "/*;*/",
        "/* it's; \" $$ ( */",
        "/* a /* b ; */ ; */",
        "/*/**/*/",
        "/*/ ; */",
        "/* ; **/",
        "/* -- */",
        "/* é😀; */",
        "/*\n;\n*/",
        " --\n",
        " -- ; it's (\n",
        " -- /* ;\n",
        ' -- $$ " \\\n',
        " --;\r\n",
        " -- end; \n\n",
        "/*--*/--*/;\n",
        " /* copy t from stdin; */ ",
        " -- \\.\n",
    )
)
STRINGS = (
    "';'",
    "''",
    "''''",
    "'it''s; ('",
    r"'C:\'",
    r"'\\'",
    r"'\'",
    "'--'",
    "'/*'",
    "'*/ ;'",
    "'$$'",
    "'$a$;'",
    "'\";'",
    "');'",
    "'end;'",
    "';\n;'",
    "';\r\n\\.\r\n'",
    "'é;😀'",
    "'a'\n'b;'",
    "'a' -- ';\n  'b;'",
    r"E'\';'",
    r"E'\\'",
    r"e'\\\';'",
    "E'it''s;'",
    r"E'\''''",
    r"E'''\';'",
    "E'a'\n'\\';'",
    "E'a' -- it's;\n\n -- ; '\n  'b\\';'",
    "E';\\\n;'",
    r"E'\x3b;\073'",
    "$$;$$",
    "$$$$",
    "$$it's; ($$",
    "$a$ ; $$ $b$ $a$",
    "$a$$$a$",
    "$_1$;$_1$",
    "$é$;$é$",
    "$A$ $a$ ; $A$",
    "$q$ begin atomic; end; $q$",
    "$$ -- $$",
    "$$ /* $$",
    "$$ \" ' $$",
    "$x$ $x $x1$ x$ $x$",
    "$$\n\\.\n\\q\n$$",
    r"U&'d\0061;'",
    r"u&'\\;'",
    "U&'a''b;'",
)
BITS = ("B'01'", "X'1F'", "b''", "x'1f'", "N'a;''b'", "n''")
NUMBERS = ("1", "1.", ".5", "1.5e10", "1e-5", "0x1F", "0b11", "0o17", "1_000", "$1", "$12", "1e5")
NAMES = (
    "a",
    "a$1",
    "a$$",
    "a$b$",
    "_",
    "é",
    "😀",
    "begin",
    "atomic",
    "stdin",
    "copy_",
    "e",
    "E",
    "u",
    "n",
    "x",
    "b",
    "endpoint",
    "end_",
    "casework",
    "no\xa0break",
    '"a;"',
    '"end"',
    '"a"";"',
    '"--"',
    '"/*"',
    '"$$;"',
    '"it\'s;"',
    r'"\"',
    '"("',
    r'U&"d\0061;"',
    '"begin"',
    '";\n"',
)
LABELS = (*NAMES, "end", "case", "select", "as", "from", "begin")
OPERATORS = (
    *("+", "-", "*", "/", "%", "^", "<", ">", "=", "<=", ">=", "<>", "!=", "||", "#", "&", "|", "~", "@>", "<@", "->", "->>"),
    *("#>", "#>>", "?", "?|", "?&", "~*", "!~", "<->", "@-", "*-+@", "&&", "and", "or", "is distinct from", "like"),
)
EXPRESSIONS = (
    ("{s}",) * 6
    + ("{num}", "{bits}", "{name}", "{name} . {name}", "{name} . end", "{name} . case", "{name} . {name} . begin")
    + (
        "{s} {op} {name}",
        "{name} {op} {s}",
        "( {e} ) {op} {num}",
        "( {e} )",
        "( ( {e} ) )",
        "- {e}",
        "case when {e} then {e} end",
        "case {e} when {e} then {e} else {e} end",
        "array [ {e} , {e} ]",
        "row ( {e} , {e} )",
        "( select {e} )",
        "( select {e} as {label} from {name} )",
        "exists ( select 1 from begin atomic )",
        "cast ( {e} as text )",
        "( {e} ) :: text",
        "{name} ( {e} , {e} )",
        "( {e} ) [ 1 : 2 ]",
        "coalesce ( {e} , {s} )",
        "( {e} ) in ( {e} , {s} )",
        "( {e} ) is null",
    )
)
ITEMS = ("{e}", "{e}", "{e} as {label}", "( {e} ) as end", "{name} as case", "{name} end", "( {e} ) begin")
STATEMENTS = (
    "select {item}",
    "select {item} , {item} from {name}",
    "select {item} from {name} where {e}",
    "select * from begin atomic",
    "select * from {name} as {name} where {e} group by 1 order by 2",
    "( select {e} ) union all ( select {e} )",
    "values ( {e} ) , ( {s} )",
    "with {name} as ( select {e} ) select {item} from {name}",
    "insert into {name} values ( {e} , {s} ) , ( {s} , {s} )",
    "insert into {name} ( {name} ) select {e} from {name} on conflict do nothing",
    "update {name} set {name} = {e} where {e}",
    "delete from {name} where {e} returning {item}",
    "merge into {name} using {name} on {e} when matched then delete when not matched then do nothing",
    "do {s}",
    "do language plpgsql {s}",
    "begin",
    "begin work",
    "begin isolation level serializable",
    "start transaction read only",
    "commit",
    "end",
    "end work",
    "rollback to {name}",
    "savepoint {name}",
    "prepare transaction {s}",
    "create table {name} ( {name} text default {s} check ( {e} ) , begin int , atomic int )",
    "create table {name} as select {item}",
    "alter table {name} add column {name} text default {s} , drop column {name}",
    "alter table {name} add constraint {name} check ( {e} ) not valid",
    "create index on {name} ( ( {e} ) , {name} ) where {e}",
    "create view {name} as select {item} from {name}",
    "create or replace view begin as select {item} , atomic from begin atomic",
    "create rule {name} as on insert to {name} do also ( {query} ; {query} )",
    "create or replace rule {name} as on update to {name} where {e} do instead ( {query} ; {query} ; ; )",
    "create rule {name} as on delete to {name} do instead nothing",
    "create policy {name} on {name} using ( {e} ) with check ( {e} )",
    "create trigger {name} before insert on {name} for each row when ( {e} ) execute function {name} ( {s} )",
    "comment on table {name} is {s}",
    "comment on function {name} ( int ) is {s}",
    "copy {name} to {s}",
    "copy {name} from {s} with ( delimiter {s} )",
    "copy ( select {item} from stdin ) to {s}",
    "prepare {name} as select {item}",
    "execute {name} ( {e} )",
    "set {name} = {s} , {s}",
    "reset {name}",
    "notify {name} , {s}",
    "declare {name} cursor for select {item}",
    "explain ( analyze , verbose ) select {item}",
    "grant select on {name} to {name}",
    "lock table {name}",
    "vacuum ( full ) {name}",
    "alter system set {name} = {s}",
    "alter type {name} add value {s}",
    "create type {name} as enum ( {s} , {s} )",
    "create domain {name} as text check ( {e} )",
    "create function {name} ( {name} int default {e} ) returns text language sql as {s}",
    "create or replace function {name} ( ) returns trigger as {s} language plpgsql",
    "create function {name} ( ) returns int return {e}",
    "create procedure {name} ( ) language c as {s} , {s}",
    "create function {name} ( ) returns int set {name} = {s} language sql as {s}",
)
ROUTINES = (
    "create function {name} ( ) returns int {body}",
    "create or replace function {name} ( {name} text default {s} ) returns text language sql immutable {body}",
    "create procedure {name} ( begin int ) language sql {body}",
    "create or replace procedure begin ( ) {body}",
    "create function {name} ( ) returns table ( {name} int , begin text ) set {name} = {s} {body}",
)
BODIES = (
    "begin atomic end",
    "begin atomic {query} ; end",
    "begin atomic {query} ; {query} ; end",
    "begin atomic ; ; {query} ; end",
    "BEGIN ATOMIC return {e} ; END",
    "Begin Atomic {query} ; select * from begin atomic ; select 1 end ; End",
    "begin atomic select case when {e} then {e} end end ; select {name} . end ; select 1 as case ; end",
    "begin atomic {routine} ; {query} ; end",
)
QUERIES = (
    "select {item}",
    "select {item} , {item} from {name} where {e}",
    "insert into {name} values ( {e} )",
    "update {name} set {name} = {e}",
    "delete from {name} where {e}",
    "select case when {e} then {s} else {s} end as end",
)
META = (
    r"\restrict 4yVY2OWXv8",
    r"\unrestrict 4yVY2OWXv8",
    r"\echo it's; fine",
    r"\set a ';'",
    r"\i other;file.sql",
    r"\if true",
    r"\.",
    r"\! ls; ls",
    r"\pset format ;",
)
ROWS = (
    "1\ta;b\n",
    "it's\t(\n",
    "$$\t/*\n",
    "\\N\t--\n",
    "\\\\.\n",
    " \\.\n",
    "\\. \n",
    "copy t from stdin;\n",
    "\n",
    "\\.x\n",
    'é"\n',
)


WORDS = {
    "{s}": STRINGS,
    "{bits}": BITS,
    "{num}": NUMBERS,
    "{name}": NAMES,
    "{label}": LABELS,
    "{op}": OPERATORS,
}
TEMPLATES = {"{e}": EXPRESSIONS, "{item}": ITEMS, "{query}": QUERIES, "{body}": BODIES, "{routine}": ROUTINES}
"""What a mark stands for: words as they are, or templates that hold marks again."""


class Writer:
    """Writes nasty SQL; everything random comes from the seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def gap(self) -> str:
        """What may stand between two tokens: blanks and comments, always enough to keep them apart."""
        return self.random.choice(GAPS)

    def statement(self) -> str:
        """One statement without its `;`."""
        template = self.random.choice(ROUTINES if self.random.random() < 0.12 else STATEMENTS)
        text = self._fill(template, 3)
        return text.swapcase() if text.isascii() and "$" not in text and self.random.random() < 0.05 else text

    def separator(self) -> str:
        """What stands between two statements: at least one `;`."""
        between = self.random.choice((";", ";", ";", ";\n", ";;", " ; ;", ";\r\n"))
        return "".join(self.gap() if self.random.random() < 0.4 else "" for _ in range(2)).join(("", between)) + (
            self.gap() if self.random.random() < 0.6 else ""
        )

    def script(self, count: int) -> str:
        """A text of `count` statements, the last one with or without a `;`."""
        text = self.gap() + self.separator().join(self.statement() + self.separator() for _ in range(count))
        return text if self.random.random() < 0.5 else text + self.gap() + self.statement()

    def psql_script(self, count: int) -> tuple[str, str, int, int]:
        """A text with COPY rows and backslash commands, the same with those made blank, and how many of each there are."""
        text = blanked = ""
        copies = metas = 0
        for _ in range(count):
            choice = self.random.random()
            if choice < 0.2:
                copy = self._fill(
                    self.random.choice(("copy {name} from stdin", "COPY {name} ( {name} , a ) FROM STDIN ( delimiter {s} )")), 2
                )
                line_end = self.random.choice(("\n", "  \n", " -- rows; follow\n", "/* ; */ \n"))
                rows = "".join(self.random.choices(ROWS, k=self.random.randrange(6)))
                end = self.random.choice(("\\.\n", "\\.\r\n"))
                piece, blank = f"{copy};{line_end}{rows}{end}", f"{copy};{line_end}{_blank(rows + end)}"
                copies += 1
            elif choice < 0.35:
                command = self.random.choice(META)
                piece, blank = command + "\n", _blank(command) + "\n"
                metas += 1
            else:
                piece = blank = self.statement() + self.separator()
            gap = self.random.choice(GAPS)
            text, blanked = text + gap + piece, blanked + gap + blank
        return text, blanked, copies, metas

    def _fill(self, template: str, depth: int) -> str:
        return "".join(self._token(token, depth) + self.gap() for token in template.split(" ")[:-1]) + self._token(
            template.split(" ")[-1], depth
        )

    def _token(self, token: str, depth: int) -> str:
        if token == "{e}" and depth <= 0:
            token = "{s}"
        if token in WORDS:
            return self.random.choice(WORDS[token])
        if token not in TEMPLATES:
            return token
        templates = BODIES[:-1] if token == "{body}" and depth < 2 else TEMPLATES[token]
        return self._fill(self.random.choice(templates), depth - 1)


def _blank(text: str) -> str:
    return "".join(character if character == "\n" else " " for character in text)
