"""Small templates for make.py, most of them made by combining values with operators, tests, filters and methods."""

values = [
    "none", "true", "false", "0", "7", "-3", "2.5", "-0.0", "1e22", "''", "'abc'", "' Aé日🙂ß\\n'", "[]", "[3, 'a', none]",
    "(1,)", "{}", "{'a': 1, 'é': [2.0]}", "missing", "range(3)"]
small = ["none", "true", "7", "-3", "2.5", "'abc'", "[3, 'a']", "(1,)", "{'a': 1}", "missing"]
operators = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
tests = [
    "defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping",
    "iterable", "sequence", "callable", "odd", "even", "lower", "upper", "escaped", "divisibleby 3", "divisibleby(0)",
    "in [7, 'abc']", "eq(7)", "ne 7", "gt 2", "lessthan 2", "sameas none", "not none", "not string"]
filters = [
    "abs", "capitalize", "center(9)", "count", "default('x')", "default('x', true)", "d", "dictsort", "e", "first", "float",
    "float('z')", "indent", "indent(2, true)", "indent('>', blank=true)", "int", "int(5)", "items|list", "join", "join('-')",
    "last", "length", "list", "lower", "map('string')|list", "max", "min", "reject('none')|list", "replace('a', 'XY')",
    "reverse|list", "round", "round(1)", "select|list", "select('string')|list", "sort", "sort(reverse=true)", "string",
    "sum", "title", "tojson", "tojson(indent=2)", "tojson(true)", "tojson(sort_keys=true)", "trim", "trim('a')",
    "truncate(4)", "truncate(2, true, '')", "unique|list", "upper", "wordcount", "attr('upper')", "nothing",
    "tojson(separators=(',', ':'))", "safe", "string|length", "format(1)"]
methods = [
    "upper()", "lower()", "title()", "capitalize()", "strip()", "lstrip()", "rstrip()", "strip('a ')", "lstrip('ab')",
    "rstrip('\\n')", "split()", "split('b')", "split('b', 1)", "split(none, 1)", "split('')", "rsplit('a', 1)",
    "rsplit(none, 1)", "splitlines()", "splitlines(true)", "startswith('a')", "endswith(('c', '\\n'))",
    "startswith('b', 1)", "startswith('', 9)", "replace('b', '日')", "replace('', '-')", "replace('a', 'b', 1)",
    "replace('', '-', 2)", "find('b')", "find('é')", "find('')", "find('z')", "rfind('a')", "index('z')", "index('日')",
    "count('a')", "count('')", "count('a', 1)", "find('', 99)", "join(['x', 'y'])", "join([1])", "join('xy')", "isdigit()",
    "isalpha()", "isalnum()", "isspace()", "isupper()", "islower()", "isnumeric()", "isdecimal()", "isascii()",
    "removeprefix('a')", "removesuffix('\\n')", "partition('b')", "rpartition('b')", "ljust(8)", "rjust(8, '*')",
    "center(8)", "center(9, '-')", "zfill(9)", "swapcase()", "casefold()", "get('a')", "nothing()", "x", "upper", "format()"]
strings = ["''", "'abc'", "' aBcab \\n'", "'Aé日🙂ß\\n'", "'ΑΣ ΣΑΣ Σ'", "'ǆ ŉ ﬁ İ I'", "'12'", "'-5'", "'²½٣'", "'a\\rb\\r\\nc\\x0bd\\u2028e'"]
slices = [
    "[0]", "[-1]", "[9]", "['a']", "[true]", "[1.0]", "[none]", "[:]", "[1:]", "[:-1]", "[::-1]", "[::2]", "[2:0:-1]",
    "[-2:]", "[:99]", "[5:1]", "['a':]", "[::0]", "[none:2]", "[1,2]", ".0", ".a", ".items", ".keys", ".x.y", "['x']['y']",
    ".upper", "['upper']", ".append", ".__class__", "['__class__']", ".pop('a')", ".get('a', 3)", ".get('z')", ".get('z', 3)"]

plain = r"""
{{ 1 + 2 * 3 }}|{{ (1 + 2) * 3 }}|{{ 2 ** 3 ** 2 }}|{{ -2 ** 2 }}|{{ 2 ** -1 }}|{{ 7 // 2 }}|{{ -7 // 2 }}|{{ -7 % 3 }}
{{ 7 / 2 }}|{{ 6 / 2 }}|{{ 1 / 3 }}|{{ 7.5 // 2 }}|{{ -7.5 % 2 }}|{{ 1e16 }}|{{ 123456789012345680.0 }}|{{ 1e-5 }}|{{ 0.0001 }}
{{ 1.0 }}|{{ 100.0 }}|{{ 1e100 }}|{{ 1.5e-7 }}|{{ 9007199254740993 }}|{{ 1_000 }}|{{ 0.1 + 0.2 }}|{{ 1e15 }}|{{ 1e17 }}
{{ 9223372036854775807 }}
{{ 1 < 2 < 3 }}|{{ 1 < 3 < 2 }}|{{ 3 > 2 == 2 }}|{{ 1 == 1.0 }}|{{ true == 1 }}|{{ 'a' < 'b' }}|{{ [1,2] < [1,3] }}
{{ not true and false or true }}|{{ not (true or true) }}|{{ 0 or 'x' }}|{{ '' and 'x' }}|{{ none or missing }}|{{ not not 1 }}
{{ 'a' 'b' "c" }}|{{ 'a' ~ 1 ~ none ~ true ~ 2.0 }}|{{ 'a' * 3 }}|{{ 3 * 'a' }}|{{ [1] * 2 }}|{{ [1] + [2] }}|{{ (1,) + (2,) }}
{{ 'x' if true else 'y' }}|{{ 'x' if false }}|{{ 'x' if false else 'y' if false else 'z' }}|{{ ('x' if false) is defined }}
{{ [1, 'a', none, true, 2.5, [], (), {}, (1,), 'it\'s', "q\"'", '\n\t\\'] }}
{{ {'a': 1, 2: 'b', none: 3, true: 4, (1, 2): 5} }}|{{ {'a': 1, 'a': 2} }}|{{ {1: 'a', 1.0: 'b', true: 'c'} }}
{{ {[1]: 2} }}
{{ '\x41\u00e9\U0001F642\101\q\a' }}|{{ '\
' }}
{{ '\u12' }}
{{ '\ud83d' }}
{{ "é" == "é" }}|{{ "é" == "é" }}|{{ "é"|length }}|{{ "🙂"|length }}|{{ "é"[1]|length }}
{{ ['\xa0', '\u200b', '\ue000', '\U0001F642', '\u0301', 'é', '\x7f', '\x85', '\u2028'] }}
{{ missing }}|{{ missing.a }}
{{ missing }}|{{ missing is defined }}|{{ missing|default('d') }}|{{ missing|length }}|{{ missing ~ 'a' }}|{{ [missing] }}
{{ missing + 1 }}
{{ missing() }}
{{ {}.a }}|{{ {}.a.b }}
{{ {}.a }}|{{ [].a }}|{{ 'a'.b }}|{{ none.b }}|{{ 1 .b }}|{{ [1][5] }}|{{ {'items': 1}.items }}
{{ {'items': 1}['items'] }}|{{ {'a': {'b': [1, 2]}}.a.b[1] }}|{{ {'a b': 1}['a b'] }}|{{ {1: 2}[1] }}|{{ {1: 2}.1 }}
{{ none == missing }}|{{ missing == missing }}|{{ missing in [missing] }}|{{ missing in {} }}|{{ missing in [] }}
{% set x = 1 %}{{ x }}{% set x, y = 2, 3 %}{{ x }}{{ y }}{% set (a, b) = [4, 5] %}{{ a }}{{ b }}{% set a, (b, c) = 1, (2, 3) %}{{ b }}{{ c }}
{% set x, y = 1 %}
{% set x, y = [1, 2, 3] %}
{% set true = 1 %}
{% set x = 1, 2 %}{{ x }}
{% set x %}a{{ 1 }}b{% endset %}{{ x }}|{% set x | upper | replace('A', 'z') %}a{{ 1 }}b{% endset %}{{ x }}
{% set ns = namespace(a=1, b='x') %}{{ ns.a }}{% set ns.a = 5 %}{{ ns.a }}{{ ns['b'] }}{{ ns.c }}{{ ns.c is defined }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a + ns.b }}
{% set ns = namespace(_a=1) %}
{% set ns = namespace() %}{% set ns._a = 1 %}
{% set d = {} %}{% set d.a = 1 %}
{% set ns = namespace(x=0) %}{% for i in [1, 2, 3] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}
{% set x = 0 %}{% for i in [1, 2, 3] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}
{% for i in [1, 2] %}{% if loop.first %}{% set y = i %}{% endif %}{{ y }};{% endfor %}
{% if true %}{% set x = 1 %}{% endif %}{{ x }}
{% for i in [1, 2, 3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }};{% endfor %}
{% for i in [1, 2, 3, 4] if i is odd %}{{ loop.index }}/{{ loop.length }}:{{ i }}{{ loop.last }};{% else %}none{% endfor %}
{% for i in [] %}x{% else %}empty{% endfor %}|{% for i in missing %}x{% else %}empty{% endfor %}
{% for i in none %}x{% endfor %}
{% for i in 5 %}x{% endfor %}
{% for k in {'a': 1, 'b': 2} %}{{ k }}{% endfor %}|{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}|{% for c in 'aé' %}{{ c }};{% endfor %}
{% for a, b in [(1, 2), [3, 4], 'xy'] %}{{ a }}{{ b }};{% endfor %}
{% for a, b in [1] %}x{% endfor %}
{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}
{% for i in [1, 2] %}{% break %}{% else %}else{% endfor %}|{% for i in [1, 2] %}{% continue %}{% else %}else{% endfor %}
{% for i in [1, 2] %}{% if i == 2 %}{% break %}{% endif %}{% else %}else{% endfor %}
{% break %}
{% for i in [1] %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}
{% for x in [[1, [2, [3]]], 4] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}
{% for x in [1] %}{{ loop([2]) }}{% endfor %}
{% for i in [1, 2, 3] %}{{ loop.cycle('a', 'b') }}{{ loop.changed(i // 2) }}{% endfor %}
{% for i in [1, 2] %}{% for j in [3, 4] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}
{% for loop in [1] %}{% endfor %}
{% for i in [1] %}{% set loop = 1 %}{% endfor %}
{{ loop }}|{{ range(3) }}|{{ range(1, 9, 3) | list }}|{{ range(5, 0, -2) | list }}|{{ range(0) | list }}|{{ range(9)[2] }}|{{ range(3)|length }}
{{ range(100001) }}
{{ range(100000)|length }}
{{ range(1, 2, 0) }}
{% for i in range(3) %}{% if loop.index is odd %}o{% elif loop.last %}l{% else %}e{% endif %}{% endfor %}
{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=5, a=4) }}{{ m(1, c=9) }}{{ m() }}
{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, x=2) }}
{% macro m(a=1, b) %}{% endmacro %}
{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body{{ 1 }}{% endcall %}
{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}x{% endcall %}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}
{% macro m() %}{{ y }}{% endmacro %}{% set y = 3 %}{{ m() }}
{% macro m() %}{% set y = 3 %}{{ y }}{% endmacro %}{% set y = 1 %}{{ m() }}{{ y }}
{% macro m() %}a{% endmacro %}{{ m }}|{{ m.name }}|{{ m() + 'b' }}|{{ m()|upper }}|{{ m is callable }}
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}|{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}
{% filter upper %}a{{ 'b' }}{% endfilter %}|{% filter replace('a', 'x') | upper %}banana{% endfilter %}
{% generation %}a{{ 1 }}{% set z = 1 %}{% endgeneration %}{{ z }}
{% print 1, 'a' %}
{% raw %}{{ x }}{% endraw %}|{% raw -%}  y  {%- endraw %}|{%- raw %} {% z %} {% endraw -%}  end
{# comment #}a{#- comment -#}  b  {#+ c #}
a {#  {{ x }} {% if %} #} b
{# not closed
{{ 'a
{% if true %}
{% if true %}{% endfor %}
{% endif %}
{{ 1 +
{{ (1 }}
{{ 1) }}
{{ [1} }}
{{ }}
{% %}
{% nothing %}
{% include 'x' %}
{{ 'a' ! }}
{{ a b }}
{{ 1|nothing }}
{% if false %}{{ 1|nothing }}{% endif %}ok
{% if true %}{{ 1|nothing }}{% endif %}
{{ (1|nothing) if false else 2 }}
{{ 1 is nothing }}
{{ 1 is defined is true }}
{% if 1 is string or 'a' is string and none is none %}y{% endif %}
{{ 'a' is in 'abc' }}|{{ 'a' in 'abc' }}|{{ 1 in [1] }}|{{ 'a' in {'a': 1} }}|{{ 'x' not in 'abc' }}|{{ '' in '' }}
{{ 1 in 'abc' }}
{{ 1 in none }}
{{ [1, 2]|join }}|{{ [{'a': 1}, {'a': 2}]|join(',', attribute='a') }}|{{ [{'a': {'b': 3}}]|map(attribute='a.b')|list }}
{{ [{'a': 1}, {}]|map(attribute='a', default='x')|join }}|{{ ['a', 'B']|map('upper')|join(',') }}|{{ none|map('upper')|list }}
{{ [{'a': 1, 'n': 'x'}, {'a': 0, 'n': 'y'}, {'n': 'z'}]|selectattr('a')|map(attribute='n')|join }}|{{ [{'a': 1}, {'a': 2}]|selectattr('a', 'equalto', 2)|list }}
{{ [{'a': 1}, {'a': 2}, {}]|rejectattr('a', 'defined')|list }}|{{ [1, 2, 3]|reject('odd')|list }}|{{ [1, 2, 3]|select('gt', 1)|list }}
{{ [{'role': 'system'}, {'role': 'user'}]|selectattr('role', 'ne', 'system')|list|length }}
{{ (messages|selectattr('role', 'equalto', 'user')|first).content }}
{{ ['b', 'A', 'c']|sort }}|{{ ['b', 'A', 'c']|sort(case_sensitive=true) }}|{{ [{'a': 2}, {'a': 1}]|sort(attribute='a') }}|{{ ['b', 'A']|sort(true) }}
{{ [1, 'a']|sort }}
{{ {'b': 1, 'A': 2}|dictsort }}|{{ {'b': 1, 'a': 2}|dictsort(by='value') }}|{{ {'b': 1, 'a': 2}|dictsort(reverse=true) }}
{{ [1, 1, 2, 'a', 'A']|unique|list }}|{{ [3, 1, 2]|max }}|{{ [3, 1, 2]|min }}|{{ [1, 2.5]|sum }}|{{ [{'a': 1}, {'a': 5}]|sum(attribute='a') }}
{{ [[1]]|sum(start=[]) }}|{{ ['a', 'B']|max }}|{{ []|max }}|{{ []|first is defined }}|{{ 'abc'|first }}{{ 'abc'|last }}{{ 'abc'|reverse }}
{{ {'a': [1, {'b': 'é"\\\n\x01/<'}], 'c': none, 'd': 1.0, 'e': true}|tojson }}
{{ {'a': [1, {'b': 2}], 'c': [], 'd': {}}|tojson(indent=4) }}
{{ {'b': 1, 'a': [1, 2]}|tojson(sort_keys=true, indent=2) }}|{{ {1: 2, none: 3, true: 4, 1.5: 5}|tojson }}|{{ 'é🙂'|tojson(ensure_ascii=true) }}
{{ {(1, 2): 3}|tojson }}
{{ missing|tojson }}
{{ [missing]|tojson }}
{{ (1, 2)|tojson }}|{{ 1e22|tojson }}|{{ 1e-7|tojson }}|{{ 'a'|tojson(indent='--') }}|{{ [1]|tojson(indent='--') }}|{{ [1]|tojson(indent=0) }}
{{ {'a': 1}.items()|list }}|{{ {'a': 1}.items() }}|{{ {'a': 1}.keys() }}|{{ {'a': 1}.values() }}|{{ 'a' in {'a': 1}.keys() }}|{{ {'a': 1}.items()|length }}
{{ {'a': 1}.keys()[0] }}
{{ {'a': 1} == {'a': 1.0} }}|{{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }}|{{ [1] == (1,) }}|{{ [1, [2]] == [1, [2]] }}
{{ dict(a=1, b=2) }}|{{ dict([('a', 1)]) }}|{{ dict({'x': 1}, y=2) }}|{{ dict() }}
{{ '%s-%d-%5.2f|%-4s|%04d|%%|%r' % ('a', 3, 2.345, 'b', 42, 'c') }}|{{ '%s' % 'x' }}|{{ '%(a)s' % {'a': 1} }}|{{ '%s' % [1] }}
{{ '%s %s' % 'x' }}
{{ '%s' % (1, 2) }}
{{ '%d' % 'x' }}
{{ '%s and %s'|format('a', 2) }}|{{ '{} {}'.format(1, 'a') }}|{{ '{1} {0} {x}'.format(1, 2, x=3) }}|{{ '{{}}{}'.format(1) }}|{{ '{:>5}|{:<5}|{:^5}|{:05d}|{:.2f}|{:,}'.format('a', 'b', 'c', 42, 1.005, 1234567) }}
{{ '{} {0}'.format(1) }}
{{ '{}'.format() }}
{{ '{' .format() }}
{{ '{a.b}'.format(a={'b': 1}) }}|{{ '{!r}'.format('a') }}|{{ '{:+d} {: d} {:-d} {:=6d}'.format(1, 2, 3, -4) }}|{{ '{:*^7}'.format('ab') }}
{{ 'a<b>&"\''|e }}|{{ ('<a>'|safe) + '<b>' }}|{{ '<b>' + ('<a>'|safe) }}|{{ ('<a>'|safe) ~ '<b>' }}|{{ ('<a>'|safe)|upper }}|{{ ('<'|e)|e }}
{{ 'aa bb'|title }}|{{ "it's a-b (c) [d]"|title }}|{{ "it's a-b".title() }}|{{ 'ß'|capitalize }}|{{ 'ǆx'|title }}|{{ 'ǆx'.title() }}|{{ 'HELLO wORLD'|capitalize }}
{{ 42.55|round }}|{{ 42.55|round(1, 'floor') }}|{{ 42.55|round(1, 'ceil') }}|{{ 2.5|round }}|{{ 3.5|round }}|{{ 2.675|round(2) }}|{{ 5|round }}|{{ -0.4|round }}
{{ '42'|int }}|{{ '42.9'|int }}|{{ 'x'|int }}|{{ 'x'|int(7) }}|{{ ' 1_0 '|int }}|{{ '1e3'|int }}|{{ '.5'|float }}|{{ '5.'|float }}|{{ '1e5'|float }}|{{ 'inf'|float }}|{{ '0x10'|int }}|{{ '1__0'|int }}|{{ 'nan'|int }}|{{ true|int }}
{{ missing|int }}
{{ 1.9|int }}|{{ -1.9|int }}|{{ none|int }}|{{ [1]|int }}|{{ none|float }}
{{ 'foo bar baz qux'|truncate(9) }}|{{ 'foo bar baz qux'|truncate(9, true) }}|{{ 'foo bar baz qux'|truncate(11) }}|{{ 'foo bar baz qux'|truncate(11, false, '...', 0) }}
{{ 'a\nb\n\nc'|indent }}|{{ 'a\nb\n\nc\n'|indent(2, true, true) }}|{{ ''|indent(first=true) }}
{{ raise_exception('no: ' ~ 1) }}
{{ strftime_now }}
{{ cycler(1) }}
{{ 'x'.encode() }}
{{ [1].append(2) }}
{{ {}.update({}) }}
{{ [1].index(1) }}|{{ [1, 1].count(1) }}|{{ [1].copy() }}|{{ (1, 2).index(2) }}
{{ [1].index(3) }}
{{ ''.__class__ }}|{{ ''.__class__ is defined }}
{{ ''.__class__.__mro__ }}
{{ [1, 2, 3][1:][0] }}|{{ 'abc'[::-1] }}|{{ (1, 2, 3)[:2] }}|{{ messages[1:]|length }}|{{ messages[-1].content }}|{{ messages[0]['role'] }}
{{ missing[0] }}
{{ missing[1:] }}
{% for m in messages %}{{ '<|' + m.role + '|>' }}{{ m['content'] }}{% endfor %}
  {% if true %}
  x
  {% endif %}
y
a{% if true %}
 b
{%- endif +%}
c
{%+ if true %} a {%+ endif %}
   {{- 'x' -}}   y   {{+ 1 }}
   {{ 'x' }}
  {%- set a = 1 -%}

 z
	{% if true %}tab{% endif %}
{{ -1|abs }}|{{ -(1|abs) }}|{{ - 1 }}|{{ +1 }}|{{ - -1 }}|{{ 1 - -1 }}|{{ 'a'|upper ~ 'b' }}|{{ 'a' ~ 'b'|upper }}|{{ 1 + 1|string|int }}
{{ m.a.b.c }}|{{ m.a['b'].c }}
{{ x(*[1]) }}
{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 3, 'b': 4}) }}{{ m(1, *[2]) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{{ 'a'.replace(old='a', new='b') }}
{{ 'a,b'.split(sep=',') }}|{{ 'a b c'.split(maxsplit=1) }}|{{ 'a,b,'.split(',') }}|{{ ',a'.split(',') }}|{{ ''.split(',') }}|{{ ''.split() }}|{{ '  a  b '.split() }}
{{ 'a,b,c'.rsplit(',', 1) }}|{{ ' a b c '.rsplit(none, 1) }}|{{ ' a b c '.split(none, 1) }}|{{ 'aXXbXXc'.split('XX') }}|{{ 'aaa'.split('aa') }}|{{ 'aaa'.rsplit('aa') }}
{{ 'x</think>y'.split('</think>')[-1].lstrip('\n') }}|{{ 'a'.startswith('') }}|{{ ''.endswith('a') }}|{{ 'abc'.endswith(('b', 'c')) }}
{{ 'abc'.startswith(['a']) }}
{{ 'aXb'.lower().split('x')|join('-') }}|{{ 'a.b.c'.split('.')[1:]|join('.') }}|{{ ' a '|trim ~ '|' }}|{{ 'xxaxx'|trim('x') }}
{{ 1 if 2 if 3 else 4 else 5 }}
{{ true|tojson }}{{ none|tojson }}{{ 'a'|tojson|tojson }}
{{ 1.5 is integer }}{{ 1 is integer }}{{ true is integer }}{{ true is number }}{{ 'a' is sequence }}{{ {} is sequence }}{{ none is iterable }}
{{ [1, 2] is eq [1, 2] }}|{{ 5 is divisibleby 5 }}|{{ 5 is divisibleby(2) }}|{{ 5 is not divisibleby 2 }}|{{ 3 is even }}
{{ namespace }}
{{ [namespace()]|length }}|{{ namespace() is mapping }}|{{ namespace() is iterable }}
{{ 0 == false }}|{{ 0 is false }}|{{ '' == false }}|{{ none == false }}|{{ 1 is true }}|{{ (1 == 1) is true }}
{{ {'a': 1}|length }}|{{ {'a': 1}|list }}|{{ {'a': 1}|first }}|{{ 'ab'|list }}|{{ 5|length }}
{{ 5|list }}
{{ none|length }}
{{ none|upper }}|{{ 5|upper }}|{{ true|lower }}|{{ [1]|upper }}|{{ none|trim }}|{{ none|string }}|{{ none|replace('N', 'x') }}|{{ 5|capitalize }}
{{ none|join }}
{{ none|indent }}
{{ none.strip() }}
{{ 5 .strip() }}
{% set a = 'x' %}{% set b %}{{ a }}{% set a = 'y' %}{{ a }}{% endset %}{{ a }}{{ b }}
{% if a is not defined %}{% set a = 1 %}{% endif %}{{ a }}
{% set content = '' %}{% for i in [1] %}{% set content = 'in' %}{% endfor %}{{ content }}|
{% for i in [1,2] -%}
  {{ i }}
{% endfor -%}
   end
{% set x = [1, 2,] %}{{ x }}{{ {'a': 1,} }}{{ (1, 2,) }}{{ [1, 2, ]|join(',',) }}
{{ "a" if missing else "b" }}|{{ missing and missing.a }}|{{ (missing or {}).a }}|{{ missing is defined and missing.a }}
{{ messages|map(attribute='role')|unique|join(',') }}|{{ messages|map(attribute='content')|map('length')|sum }}|{{ (messages|last).role }}
{{ [1,2,3]|first + [1,2,3]|last }}|{{ ([1,2,3]|reverse|list)[0] }}|{{ 'é日'|reverse }}|{{ [[1, 2], [3]]|sum(start=[])|length }}
{{ 10 ** 18 }}|{{ 2 ** 62 }}|{{ -9223372036854775807 }}|{{ 2.0 ** 0.5 }}|{{ 0 ** 0 }}|{{ (-8) ** 2 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 1.0 / 0 }}
"""


# Each family is a pattern with places for its lists' elements; the cases are all combinations, the last list fastest.
families = [
    ("{{ @0 @1 @2 }}", values, ["+", "*", "~", "==", "<", "in", "and", "or", "%"], values),
    ("{{ @0 @1 @2 }}", small, ["-", "/", "//", "!=", "<=", ">", ">=", "not in"], small),
    ("{{ @0 ** @1 }}", ["0", "true", "-3", "2.5", "'a'", "none"], ["0", "2", "-1", "0.5", "'a'", "missing"]),
    ("{{ @0 is @1 }}", values, tests),
    ("{{ @0|@1 }}", values, filters),
    # Not of the literal itself: Jinja folds constants, and then some errors are undefined values.
    ("{% set v = @0 %}{{ v@1 }}", values, slices),
    ("{{ @0 }}|{{ [@0] }}|{{ 'yes' if @0 else 'no' }}", values),
    ("{% for x in @0 %}[{{ x }}{{ loop.last }}]{% else %}none{% endfor %}", values),
    ("{{ @0.@1 }}", strings, methods),
]

messages = [{"role": "system", "content": "S é"}, {"role": "user", "content": "U"}, {"role": "user", "content": "V"}]

multiline = [
    "  {% if true %}\n  x\n  {% endif %}\ny\n", "a{% if true %}\n b\n{%- endif +%}\nc\n\n", "\n{%+ if true %} a {%+ endif %}\n",
    "   {{- 'x' -}}   y   {{+ 1 }}\n\n", "  {%- set a = 1 -%}\n\n z", "\t{% if true %}tab{% endif %}\n \t{# c #}\n x",
    "{% for i in [1,2] -%}\n  {{ i }}\n{% endfor -%}\n   end", "a\r\nb\rc\n", "a\n\n", "\n", "", "{{ 'a\r\nb' }}", "{{ 'a\nb' }}",
    "{% raw %}\n a\n{% endraw %}\nb", "  {% raw %} a {% endraw %}  \nb", "x {#- c -#} \n y", "x\n  {#- c #}\n y", "x\n  {#+ c +#}\n y",
    "{% if true %}\n\n\nx{% endif %}", "{{ 1 }}\n{{ 2 }}\n", "\u00a0{%- if true %}x{% endif -%}\u2003y", "\u2003{% if true %}x{% endif %}",
    "{% set x %}\n a\n{% endset %}[{{ x }}]", "{% macro m() %}\n a\n{% endmacro %}\n[{{ m() }}]", "{%if true%}a{%else%}b{%endif%}",
    "{{\n1\n+\n2\n}}", "{% set\nx\n=\n1\n%}{{ x }}", "}} %} #} { { {% if true %} }} {% endif %}", "{{ '}}' }}{{ '{%' }}{% set a = '%}' %}{{ a }}",
    "{{ {'a': {'b': {}}} }}", "{{{'a': 1}}}", "{{ {'a': 1}['a']}}", "{% if {'a': 1}.a == 1 %}y{% endif %}", "{ {", "{", "{%", "{{", "{#", "a{#-#}b",
    "{% if true -%} a {%- elif x -%} b {%- else -%} c {%- endif %} d", "{# a #}\n{# b #}\n\nc", " {# a #}\n  {# b #}x\n",
    "{% for i in range(2) %}\n  {% if i %}\n    {{ i }}\n  {% endif %}\n{% endfor %}\n-", "é{% if true %}🙂\n{% endif %}日",
]

singles = plain.strip("\n").split("\n") + multiline
