import ForetokenFiles
import Testing

@testable import ForetokenText

/// Templates with random changes are rendered or refused.
@Suite struct ChatTemplateFuzzTests {
    private static let pieces = [
        "{{", "}}", "{%", "%}", "{%-", "-%}", "{#", "#}", "{% if x %}", "{% endif %}", "{% for m in messages %}",
        "{% endfor %}",
        "{% set ns.x = [ns.x, ns] %}", "{% macro m(a, b=a) %}", "{% endmacro %}", "{{ m(m) }}", "{% raw %}",
        "|tojson(indent=2)",
        "|map('upper')|list", "|sort", "|join(x)", "[::-1]", "[1:", "(", ")", "[", "]", "{", "}", "'", "\"", "\\", "~",
        "+", " * ",
        "**", "%", "//", "==", " in ", " not ", " is ", " if ", " else ", "loop.index", "loop(", "caller()",
        "namespace(", "range(",
        "9223372036854775807", "1e308", "none", "true", ".items()", ".split(", "{% generation %}", "{% call m() %}",
        "\n", "\u{2003}",
        "é", "\0", "recursive", "{% break %}", "|unique", "|dictsort", "|safe", "'%s' % ", ".format(", "messages",
        "message", "-", ",",
    ].map { Array($0.utf8) }

    private func mutate(_ template: [UInt8], _ generator: inout SplitMix64) -> [UInt8] {
        var result = template
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let start = Int.random(in: 0...result.count, using: &generator)
            let end = min(result.count, start + Int.random(in: 0...12, using: &generator))
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: result.removeSubrange(start..<end)
            case 1: result.insert(contentsOf: Self.pieces.randomElement(using: &generator) ?? [], at: start)
            case 2: result.replaceSubrange(start..<end, with: Self.pieces.randomElement(using: &generator) ?? [])
            case 3:
                let other = Int.random(in: 0...result.count, using: &generator)
                let part = result[other..<min(result.count, other + Int.random(in: 0...60, using: &generator))]
                result.insert(contentsOf: Array(part), at: start)
            default:
                if start < result.count { result[start] = UInt8.random(in: 0...255, using: &generator) }
            }
        }
        return result
    }

    @Test(arguments: ChatFixtures.own)
    func changedTemplatesAreRenderedOrRefused(name: String) throws {
        let original = Array(try ChatFixtures.template(name).source.utf8)
        let conversations = try ChatFixtures.conversations()
        var generator = SplitMix64(seed: 11)
        var rendered = 0
        for round in 0..<1500 {
            let bytes = mutate(original, &generator)
            guard var template = try? ChatTemplate(parsing: bytes, file: "t") else { continue }
            (template.limits.steps, template.limits.memory) = (200_000, 20 << 20)
            guard let chat = try? conversations[round % conversations.count].render(template) else { continue }
            rendered += 1
            // Marks stay sorted, disjoint, inside, and between code points.
            var position = 0
            for range in chat.userText {
                #expect(range.lowerBound >= position && !range.isEmpty && range.upperBound <= chat.bytes.count)
                #expect(String(validating: chat.bytes[range], as: UTF8.self) != nil)
                position = range.upperBound + 1
            }
            #expect(String(validating: chat.bytes, as: UTF8.self) != nil)
        }
        #expect(rendered > 20)
    }

    /// Expressions of random tokens, which are mostly refused by the parser.
    @Test func randomExpressionsAreRenderedOrRefused() {
        var generator = SplitMix64(seed: 12)
        for _ in 0..<20_000 {
            var bytes = Array("{{ ".utf8)
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                bytes += Self.pieces.randomElement(using: &generator) ?? []
            }
            bytes += " }}".utf8
            guard var template = try? ChatTemplate(parsing: bytes, file: "t") else { continue }
            (template.limits.steps, template.limits.memory) = (20_000, 2 << 20)
            _ = try? template.render([["role": "user", "content": "x"]], variables: JSONObject())
        }
    }
}
