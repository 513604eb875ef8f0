import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenText

/// Every byte of the caller's strings is marked wherever it ends up, and no byte of the template's.
@Suite struct ChatTemplateMarksTests {
    /// Replaces the texts of a conversation; keys, roles, types and names stay.
    struct Replacement {
        /// The first of the private-use code points.
        var base: UInt32
        /// Whether each text is replaced, or gets a code point at both ends.
        var isWhole: Bool
        private var count: UInt32 = 0
        /// The caller's strings that stay.
        var kept: Set<String> = []

        init(base: UInt32, isWhole: Bool) {
            (self.base, self.isWhole) = (base, isWhole)
        }

        private mutating func next() -> String {
            defer { count += 1 }
            return String(Unicode.Scalar(base + count % 0x700) ?? " ")
        }

        mutating func apply(_ value: JSONValue, _ key: String = "") -> JSONValue {
            switch value {
            case .string(let string):
                if ["role", "type", "name", "id", "tool_call_id", "required", "enum"].contains(key) || string.isEmpty {
                    kept.insert(string)
                    return value
                }
                if isWhole { return .string(string.prefix(4).map { _ in next() }.joined()) }
                kept.insert(string)
                return .string(next() + string + next())
            case .array(let elements): return .array(elements.map { apply($0, key) })
            case .object(let object):
                var result = JSONObject()
                for (key, value) in object {
                    kept.insert(key)
                    result[key] = apply(value, key)
                }
                return .object(result)
            default: return value
            }
        }

        mutating func apply(_ conversation: Conversation) -> Conversation {
            var result = conversation
            result.messages = conversation.messages.map { apply($0) }
            result.tools = conversation.tools?.map { apply($0) }
            result.documents = conversation.documents?.map { apply($0) }
            for (key, value) in conversation.variables where key == "reasoning_effort" {
                if case .string(let text) = value { kept.insert(text) }
            }
            return result
        }
    }

    private func isPrivate(_ scalar: Unicode.Scalar) -> Bool { (0xE000...0xF8FF).contains(scalar.value) }

    /// The bytes that are marked, and the others.
    private func split(_ chat: RenderedChat) -> (marked: [[UInt8]], other: [UInt8]) {
        var other: [UInt8] = []
        var position = 0
        for range in chat.userText {
            other += chat.bytes[position..<range.lowerBound]
            position = range.upperBound
        }
        other += chat.bytes[position...]
        return (chat.userText.map { Array(chat.bytes[$0]) }, other)
    }

    private func check(_ template: ChatTemplate, _ conversation: Conversation, isWhole: Bool) {
        var replacement = Replacement(base: 0xE000, isWhole: isWhole)
        guard let chat = try? replacement.apply(conversation).render(template) else { return }
        let (marked, other) = split(chat)
        let place = Comment("\(conversation.name) in \(template.file)")
        #expect(zip(chat.userText, chat.userText.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }, place)
        // What is not marked has none of the caller's code points, and what is marked begins and ends between code points.
        let rest = String(validating: other, as: UTF8.self)
        #expect(rest?.unicodeScalars.contains(where: isPrivate) == false, place)
        #expect(rest?.contains("\\ue0") == false, place)
        // What is marked is the caller's: its code points, or pieces of its keys, roles, types and names.
        // Of whole texts, some templates cut pieces out or escape them.
        for part in marked where isWhole {
            guard let text = String(validating: part, as: UTF8.self) else {
                Issue.record(place)
                continue
            }
            // Python's repr writes private code points as escapes.
            let plain = text.replacing(/\\u(e|f)[0-9a-f]{3}/, with: "\u{E000}")
            let pieces = plain.unicodeScalars.split(whereSeparator: isPrivate).map { String($0) }
            for piece in pieces {
                let isKept = replacement.kept.contains { kept in
                    [kept, kept.lowercased(), kept.uppercased(), JSONValue.string(kept).written].contains {
                        $0.contains(piece)
                    }
                }
                #expect(isKept || isComposed(piece, of: replacement.kept), "\(piece.debugDescription): \(place)")
            }
        }
        // Other code points in the caller's text change nothing in the template's.
        var second = Replacement(base: 0xE800, isWhole: isWhole)
        let changed = try? second.apply(conversation).render(template)
        #expect(changed.map { split($0).other } == other, place)
    }

    /// Whether a text is one caller's string after another.
    private func isComposed(_ text: String, of kept: Set<String>) -> Bool {
        if text.isEmpty { return true }
        let all = kept
        return kept.contains { kept in
            !kept.isEmpty && text.hasPrefix(kept) && isComposed(String(text.dropFirst(kept.count)), of: all)
        }
    }

    @Test(arguments: ChatFixtures.own, [true, false])
    func userTextIsMarked(name: String, isWhole: Bool) throws {
        let template = try ChatFixtures.template(name)
        for conversation in try ChatFixtures.conversations() { check(template, conversation, isWhole: isWhole) }
    }

    @Test(.enabled(if: ChatFixtures.modelFolder != nil), arguments: [true, false])
    func userTextIsMarkedInModelsTemplates(isWhole: Bool) throws {
        let conversations = try ChatFixtures.conversations()
        for template in try ChatFixtures.modelTemplates() {
            for conversation in conversations { check(template, conversation, isWhole: isWhole) }
        }
    }

    /// Through each operation, filter and method: the expression, and its text with what is marked in brackets.
    @Test(arguments: [
        ("{{ u }}", "[Ab c]"), ("{{ 'x' + u + 'y' }}", "x[Ab c]y"), ("{{ u ~ 1 }}", "[Ab c]1"),
        ("{{ u * 2 }}", "[Ab cAb c]"),
        ("{{ u[1:] }}", "[b c]"), ("{{ u[::-1] }}", "[c bA]"), ("{{ u[0] }}", "[A]"), ("{{ ('x' ~ u)[:2] }}", "x[A]"),
        ("{{ u|upper }}", "[AB C]"), ("{{ u|lower }}", "[ab c]"), ("{{ u|title }}", "[Ab C]"),
        ("{{ u|capitalize }}", "[Ab c]"),
        ("{{ (' ' ~ u ~ ' ')|trim }}", "[Ab c]"), ("{{ u.replace('b', 'x') }}", "[A]x[ c]"),
        ("{{ 'abc'|replace('b', u) }}", "a[Ab c]c"),
        ("{{ u.split() }}", "['[Ab]', '[c]']"), ("{{ u.split(' ')|join('-') }}", "[Ab]-[c]"),
        ("{{ ['x', u]|join(', ') }}", "x, [Ab c]"), ("{{ u|tojson }}", "\"[Ab c]\""),
        ("{{ '%s!'|format(u) }}", "[Ab c]!"),
        ("{{ '{}!'.format(u) }}", "[Ab c]!"), ("{{ u % () }}", "[Ab c]"), ("{{ u|indent(2, true) }}", "  [Ab c]"),
        ("{{ u|list|join('.') }}", "[A].[b].[ ].[c]"), ("{{ u|center(8) }}", "  [Ab c]  "), ("{{ u|length }}", "4"),
        ("{{ u|truncate(3, true, '..', 0) }}", "[A].."), ("{% set x %}a{{ u }}{% endset %}{{ x }}", "a[Ab c]"),
        ("{% macro m(t) %}<{{ t }}>{% endmacro %}{{ m(u) }}", "<[Ab c]>"), ("{{ u if true }}", "[Ab c]"),
        ("{% set ns = namespace(x=u) %}{{ ns.x }}", "[Ab c]"), ("{{ {'k': u}.k }}", "[Ab c]"), ("{{ u|e }}", "[Ab c]"),
        ("{{ [u]|map('upper')|first }}", "[AB C]"), ("{% filter upper %}x{{ u }}{% endfilter %}", "X[AB C]"),
        ("{% for c in u %}{{ c }},{% endfor %}", "[A],[b],[ ],[c],"),
        ("{{ u.partition(' ')|join('_') }}", "[Ab]_[ ]_[c]"),
        ("{{ u|default('d') }}", "[Ab c]"), ("{{ missing|default(u) }}", "[Ab c]"), ("{{ u|string }}", "[Ab c]"),
        ("{{ (u|safe) + '<' }}", "[Ab c]&lt;"), ("{{ u.ljust(5, '.') }}", "[Ab c]."), ("{{ u.zfill(6) }}", "00[Ab c]"),
        ("{{ ['b', u]|sort|join }}", "[Ab c]b"), ("{{ u|reverse }}", "[c bA]"), ("{{ bos_token ~ u }}", "<s>[Ab c]"),
        ("{{ {u: 1}|tojson }}", "{\"[Ab c]\": 1}"), ("{{ u.swapcase() }}", "[aB C]"), ("{{ u.strip('A') }}", "[b c]"),
        ("{{ u == 'Ab c' }}", "True"), ("{{ raise_exception is defined }}", "True"),
        ("{{ u.rsplit(' ', 1)[1] }}", "[c]"),
        ("{{ {'a': u}.items()|list }}", "[('a', '[Ab c]')]"), ("{{ u.removeprefix('A') }}", "[b c]"),
        ("{{ u|int(3) }}", "3"),
        ("{% generation %}{{ u }}{% endgeneration %}", "[Ab c]"), ("{{ 'x'.join([u, u]) }}", "[Ab c]x[Ab c]"),
        ("{{ role }}", "[user]"), ("{{ messages[0].role }}", "user"), ("{{ messages[0]['content'] }}", "[hi]"),
        ("{{ messages[0]|tojson }}", "{\"[role]\": \"user\", \"[content]\": \"[hi]\"}"),
    ])
    func marksFollowEveryOperation(template: String, expected: String) throws {
        let chat = try ChatTemplate(parsing: template, file: "t", specialTokens: ["bos_token": "<s>"]).render(
            [["role": "user", "content": "hi"]], variables: JSONObject(["u": "Ab c", "role": "user"]))
        var shown: [UInt8] = []
        var position = 0
        for range in chat.userText {
            shown += chat.bytes[position..<range.lowerBound] + "[".utf8 + chat.bytes[range] + "]".utf8
            position = range.upperBound
        }
        shown += chat.bytes[position...]
        #expect(String(decoding: shown, as: UTF8.self) == expected)
    }

    @Test func onlyKnownRolesAreTheTemplatesOwn() throws {
        let template = try ChatTemplate(parsing: "<|{{ messages[0].role }}|>", file: "t")
        #expect(try template.render([["role": "assistant"]]).userText == [])
        #expect(try template.render([["role": "endoftext"]]).userText == [2..<11])
    }
}

extension JSONValue {
    /// The value as JSON text.
    fileprivate var written: String { (try? text()) ?? "" }
}

extension JSONObject {
    fileprivate init(_ entries: KeyValuePairs<String, JSONValue>) {
        self.init()
        for (key, value) in entries { self[key] = value }
    }
}
