import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenText

/// No template makes the interpreter crash, hang, or take more memory than it may.
@Suite struct ChatTemplateHostileTests {
    private static let message: JSONValue = ["role": "user", "content": "hi é 🙂"]

    /// What a template gives on a thread with a small stack.
    private func outcome(_ template: String, stack: Int = 128 << 10) -> Result<String, ChatTemplateError> {
        nonisolated(unsafe) var result: Result<String, ChatTemplateError> = .success("")
        let thread = Thread {
            do throws(ChatTemplateError) {
                var template = try ChatTemplate(parsing: template, file: "t")
                (template.limits.steps, template.limits.memory) = (500_000, 50 << 20)
                result = .success(try template.render([Self.message]).text)
            } catch {
                result = .failure(error)
            }
        }
        thread.stackSize = stack
        thread.start()
        while !thread.isFinished { usleep(500) }
        return result
    }

    private func isLimit(_ result: Result<String, ChatTemplateError>) -> Bool {
        if case .failure(.limit) = result { return true }
        return false
    }

    @Test(arguments: [
        ["(", ")"], ["[", "]"], ["{1:", "}"], ["not ", ""], ["-", ""], ["x if y else ", ""], ["f(", ")"], ["a[", "]"],
        ["a|join(", ")"], ["{'a':(", ",)}"],
    ])
    func nestedBracketsAreRefused(parts: [String]) {
        for count in [65, 100, 1000, 100_000] {
            let (open, close) = (String(repeating: parts[0], count: count), String(repeating: parts[1], count: count))
            let result = outcome("{{ \(open)x\(close) }}")
            #expect(isLimit(result), "\(parts) \(count) times: \(result)")
        }
    }

    @Test(arguments: [
        "{% if x %}", "{% for x in y %}", "{% macro m() %}", "{% set x %}", "{% filter upper %}", "{% with %}",
        "{% generation %}", "{% call m() %}", "{% if x %}{% else %}{% for a in b %}",
    ])
    func nestedBlocksAreRefused(part: String) {
        let result = outcome(String(repeating: part, count: 50_000))
        #expect(isLimit(result), "\(result)")
    }

    /// Chains are not nested: they may be long.
    @Test func chainsMayBeLong() throws {
        let count = 50_000
        func chain(_ first: String, _ part: String) -> String { first + String(repeating: part, count: count) }
        #expect(try outcome("{{ \(chain("1", " + 1")) }}").get() == String(count + 1))
        #expect(try outcome("{{ \(chain("1", " * 1")) }}").get() == "1")
        #expect(try outcome("{{ (\(chain("'a'", " ~ 'a'")))|length }}").get() == String(count + 1))
        #expect(try outcome("{{ \(chain("1", " and 1")) }}").get() == "1")
        #expect(try outcome("{{ \(chain("0", " or 0")) }}").get() == "0")
        #expect(try outcome("{{ \(chain("1", " == 1")) }}").get() == "True")
        #expect(try outcome("{{ \(chain("'a'", "|upper")) }}").get() == "A")
        #expect(try outcome("{{ \(chain("'a'", ".strip()")) }}").get() == "a")
        #expect(try outcome("{{ \(chain("'a'", " 'a'")) }}").get().count == count + 1)
        #expect(try outcome("{% if 0 %}\(chain("", "{% elif 0 %}")){% else %}b{% endif %}").get() == "b")
        #expect(try outcome("{{ [\(chain("1", ",1"))]|length }}").get() == String(count + 1))
        #expect(try outcome(chain("", "{{ 1 }}")).get().count == count)
    }

    /// Each would take far too much time, memory or stack.
    @Test(arguments: [
        "{{ 'x' * 10**12 }}", "{{ [1] * 10**12 }}", "{{ (1,) * 9223372036854775807 }}", "{{ 'x'|center(10**12) }}",
        "{{ 'x'.ljust(9223372036854775807) }}", "{{ 'x'.zfill(10**15) }}", "{{ '%999999999999d' % 1 }}",
        "{{ '%.999999999f' % 1.0 }}", "{{ '{:999999999999}'.format('a') }}", "{{ 'a\nb'|indent(10**12) }}",
        "{{ [1]|tojson(indent=10**12) }}", "{{ [1]|tojson(separators=('x' * 1000, 'y')) }}",
        "{{ ('x' * 10**6).replace('', 'y' * 10**6) }}", "{{ (['x'] * 10**5)|join('y' * 10**6) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% macro m(x) %}{{ m([x]) }}{% endmacro %}{{ m(1) }}",
        "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{% if true %}{% for x in [1] %}{{ a() }}{% endfor %}{% endif %}"
            + "{% endmacro %}{{ a() }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% macro m(x=m()) %}{% endmacro %}{{ m() }}",
        "{% set ns = namespace(x='a') %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=1) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}",
        "{% set ns = namespace(x=1) %}{% for i in range(100000) %}{% set ns.x = {'a': ns.x} %}{% endfor %}",
        "{% set ns = namespace(x=1) %}{% for i in range(100000) %}{% set ns.x = {1: ns.x}.items() %}{% endfor %}",
        "{% set ns = namespace(x=(1,)) %}{% for i in range(100000) %}{% set ns.x = (ns.x,) %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(100000) %}{% set ns.x = ns.x|map('upper') %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(100000) %}{% set ns.x = ns.x|unique %}{% endfor %}",
        "{% set ns = namespace(x=1) %}{% for i in range(100000) %}{% set ns.x = [1]|map(attribute='a', default=ns.x) %}"
            + "{% endfor %}",
        "{% set ns = namespace(x=1) %}{% for i in range(100000) %}{% for j in [ns.x] %}{% set ns.x = loop %}{% endfor %}"
            + "{% endfor %}",
        "{% set ns = namespace(x='') %}{% for i in range(100000) %}{% set ns.x = {}[[ns.x]] %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}",
        "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}"
            + "{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
        "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}"
            + "{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x < ns.y }}",
        "{% set ns = namespace(x=(1,)) %}{% for i in range(60) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {ns.x: 1} }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ [ns.x]|sort }}"
            + "{{ [ns.x, ns.x]|join }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% set x = ('a' * 99999).find('b') %}{% endfor %}",
        "{% for a in range(99999) %}{% set x = 'é' * 999 == 'é' * 998 ~ 'é' %}{% endfor %}",
        "{% for a in range(99999) %}{% set x = range(99999)|list|sort %}{% endfor %}",
        "{% for a in range(99999) %}{{ 'a' * 99999 }}{% endfor %}",
        "{{ range(99999)|map('string')|map('list')|list }}" + "{{ 1 }}"
            + "{% for a in range(99999) %}{{ range(99999)|list|length }}{% endfor %}",
    ])
    func boundsHold(template: String) {
        let result = outcome(template)
        #expect(isLimit(result), "\(result)")
    }

    /// Recursion ends before the stack does, however small it is.
    @Test(arguments: [64, 128, 512, 8192])
    func recursionEndsOnSmallStacks(kilobytes: Int) {
        for template in [
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
            "{% macro m() %}{{ [[[[{1: (m())}]]]] }}{% endmacro %}{{ m() }}",
            "{% macro m(x=m()) %}{% endmacro %}{{ m() }}",
            "{% macro m() %}{% generation %}{% filter upper %}{% set x %}{% with %}{{ m() }}{% endwith %}{% endset %}"
                + "{% endfilter %}{% endgeneration %}{% endmacro %}{{ m() }}",
            "{% macro m() %}{{ [1]|map('upper')|map('trim')|list|join(m()) }}{% endmacro %}{{ m() }}",
            "{{ " + String(repeating: "(", count: 1000) + "1" + String(repeating: ")", count: 1000) + " }}",
            String(repeating: "{% if x %}", count: 1000),
        ] {
            let result = outcome(template, stack: kilobytes << 10)
            #expect(isLimit(result), "\(result)")
        }
    }

    /// Extreme numbers, and values that hold themselves or long chains of others, are released without trouble.
    @Test(arguments: [
        "{{ range(-9223372036854775807, 9223372036854775807) }}", "{{ range(0, -9223372036854775807, 1)|length }}",
        "{{ range(9223372036854775807, 0, -9223372036854775807)|list }}", "{{ 5 in range(0, 9, 2) }}",
        "{{ -9223372036854775807 - 1 in range(3, 0, -1) }}", "{{ (-9223372036854775807 - 1) // -1 }}",
        "{{ (-9223372036854775807 - 1) % -1 }}", "{{ (-9223372036854775807 - 1)|abs }}",
        "{{ 9223372036854775807 + 1 }}",
        "{{ 99999999999999999999 }}", "{{ 1e999 }}", "{{ 1e999|int }}", "{{ 1e308 * 10 }}", "{{ (1e308 * 10)|round }}",
        "{{ 10 ** 400 }}", "{{ 10.0 ** 400 }}", "{{ 'abc'[::9223372036854775807] }}",
        "{{ 'abc'[9223372036854775807:] }}",
        "{{ 'abc'[-9223372036854775807:9223372036854775807:-9223372036854775807] }}",
        "{{ 'abc'[9223372036854775807] }}",
        "{{ 'a' * -5 }}", "{{ 'a'|center(-9223372036854775807) }}", "{{ 'a'.zfill(-9223372036854775807) }}",
        "{{ 'abc'|truncate(-9223372036854775807, true, '', 9223372036854775807) }}", "{{ 'a'|indent(-5) }}",
        "{{ 'abc'.find('c', -9223372036854775807, 9223372036854775807) }}", "{{ 1.5|round(9223372036854775807) }}",
        "{{ 'abc'.split('b', -9223372036854775807) }}", "{{ 'abc'.replace('b', 'c', -9223372036854775807) }}",
        "{{ [1]|tojson(indent=-9223372036854775807) }}", "{{ '{99999999999999999999}'.format(1) }}", "{{ '%' % () }}",
        "{{ '{:,}'.format(1) }}", "{{ '{:.}'.format('a') }}", "{{ '{a[b]}'.format(a=1) }}", "{{ '{}'.format }}",
        "{{ [].append }}",
        "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns.x.x.x is defined }}",
        "{% set ns = namespace() %}{% set ns.x = [ns, {'a': ns}] %}{{ ns }}",
        "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns.x == ns.x }}{{ ns.x|tojson }}",
        "{% set ns = namespace(x=0) %}{% for i in range(50000) %}{% set n = namespace() %}{% set n.x = ns.x %}"
            + "{% set ns.x = n %}{% endfor %}",
        "{% set ns = namespace(x=0) %}{% for i in range(50000) %}{% set p = ns.x %}{% macro m() %}{{ p }}{% endmacro %}"
            + "{% set ns.x = m %}{% endfor %}",
        "{% set ns = namespace(x=0) %}{% for i in range(50000) %}{% set p = ns.x %}{% for j in [1] %}{% set ns.x = loop %}"
            + "{% endfor %}{% endfor %}",
        "{% set ns = namespace(x=0) %}{% for i in range(50000) %}{% for j in [1] if j %}{% set ns.x = loop %}{% endfor %}"
            + "{% endfor %}{{ ns.x.length }}",
        "{% for x in [1] recursive %}{% set ns = namespace() %}{% set ns.l = loop %}{% endfor %}{{ ns.l([1]) }}",
        "{% for i in [1, 2] %}{{ loop.changed([loop]) }}{% endfor %}", "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].__init__.__globals__ }}", "{{ raise_exception.__code__ }}", "{{ ().__class__.__bases__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}", "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ strftime_now('%Y' * 400) }}", "{{ strftime_now('\\0') }}", "{{ strftime_now('%') }}", "{{ dict(a) }}",
        "{{ dict(1) }}",
        "\0{{ '\\0' }}\u{FEFF}", "{{ '\u{0}' }}", "{{ messages[0].content[::-1]|upper|title|tojson }}",
    ])
    func extremesDoNotCrash(template: String) {
        switch outcome(template) {
        case .success: break
        case .failure(let error): #expect(!"\(error)".isEmpty)
        }
    }

    @Test func whatIsNotATemplateIsRefused() {
        #expect(throws: ChatTemplateError.unreadable(file: "t", reason: "it is not UTF-8")) {
            try ChatTemplate(parsing: [0x7B, 0x7B, 0xFF], file: "t")
        }
        for count in [ChatTemplate.sizeLimit + 1, 10 << 20] {
            let large = [UInt8](repeating: 0x78, count: count)
            #expect(throws: ChatTemplateError.self) { try ChatTemplate(parsing: large, file: "t") }
        }
    }

    /// The longest templates that are allowed, of one thing.
    @Test(arguments: [
        "x", "{{", "{#", "{{ '", "{% raw %}", "{{ 1 }}", "{% ", "\\", "\n", "{", "{%-  ", " \u{2003}", "{#-#}", "é",
        "{{ (",
    ])
    func largeTemplatesAreReadInTime(part: String) {
        let template = String(repeating: part, count: ChatTemplate.sizeLimit / part.utf8.count)
        switch outcome(template) {
        case .success(let text): #expect(text.utf8.count <= ChatTemplate.sizeLimit)
        case .failure(let error): #expect("\(error)".utf8.count < 1000)
        }
    }

    @Test func deepAndBrokenMessagesAreRefused() throws {
        let template = try ChatTemplate(parsing: "{{ messages|tojson }}", file: "t")
        var deep: JSONValue = "x"
        for _ in 0..<200 { deep = [deep] }
        #expect(throws: ChatTemplateError.self) { try template.render([["role": "user", "content": deep]]) }
        for message: JSONValue in [.null, "x", 1, [], true] {
            #expect(throws: ChatTemplateError.self) { try template.render([message]) }
        }
        #expect(throws: ChatTemplateError.self) { try template.render([]) }
        #expect(throws: ChatTemplateError.self) { try template.render([["role": "user"]], tools: [deep]) }
    }

    @Test func errorsNameFileLineAndColumn() {
        func error(_ template: String) -> String {
            switch outcome(template) {
            case .success(let text): text
            case .failure(let error): "\(error)"
            }
        }
        #expect(error("a\n{{ 1 +\n }}").hasPrefix("t:3:2: not a valid template: expected an expression, found '}}'"))
        #expect(error("\n\n é{{ x|urlize }}").hasPrefix("t:3:9: the filter 'urlize' is not supported"))
        #expect(error("{% block x %}").hasPrefix("t:1:4: the tag 'block' is not supported"))
        #expect(error("{{ a }}\n{{ a.b.c }}") == "t:2:5: the template fails on this conversation: 'a' is undefined")
        #expect(error("{{ raise_exception('no') }}") == "t: the template rejects this conversation: no")
        #expect(error("{{ messages[0].x.y }}").hasSuffix("'dict object' has no attribute 'x'"))
    }
}
