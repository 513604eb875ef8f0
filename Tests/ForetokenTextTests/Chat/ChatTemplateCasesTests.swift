import ForetokenFiles
import Testing

@testable import ForetokenText

/// Thousands of small templates, most of them combinations of values with operators, tests, filters and methods.
@Suite struct ChatTemplateCasesTests {
    /// What is refused by name though Jinja does something: methods have addresses, ranges are no lists, and so on.
    static let refusable = [
        "'casefold' of other letters", "a key of type", "a slice of a range", "an integer beyond 64 bits",
        "printing a value of type", "the function 'cycler'", "the method 'encode' of str", "this power",
    ]

    /// The difference, if any: templates render as Jinja renders them, fail where Jinja fails, or are refused by name.
    private func difference(_ template: String, _ outcome: JSONValue, _ messages: [JSONValue]) -> String? {
        do {
            let text = try ChatTemplate(parsing: template, file: "t").render(messages, now: ChatFixtures.now).text
            if case .string(let expected) = outcome, Array(expected.utf8) == Array(text.utf8) { return nil }
            return "\(template)\n    gives \(text.debugDescription)\n    instead of \(outcome)"
        } catch {
            if outcome == .null { return nil }
            if case .unsupported(_, _, _, let feature) = error, Self.refusable.contains(where: feature.hasPrefix) {
                return nil
            }
            return "\(template)\n    fails: \(error)\n    instead of \(outcome)"
        }
    }

    @Test func singleTemplatesRenderAsInJinja() throws {
        let node = try ChatFixtures.node("cases.json")
        let messages = try node["messages"].array().compactMap(\.value)
        let cases = try node["singles"].array()
        let different = try cases.compactMap { single in
            difference(try single["template"].string(), try single["outcome"].value ?? .null, messages)
        }
        #expect(cases.count > 250)
        #expect(different.isEmpty, "\(different.joined(separator: "\n"))")
    }

    @Test func combinationsRenderAsInJinja() throws {
        let node = try ChatFixtures.node("cases.json")
        let messages = try node["messages"].array().compactMap(\.value)
        var different: [String] = []
        var count = 0
        for family in try node["families"].array() {
            var templates = [try family["pattern"].string()]
            for (index, list) in try family["lists"].array().enumerated() {
                let elements = try list.array().map { try $0.string() }
                templates = templates.flatMap { template in
                    elements.map { template.replacing("@\(index)", with: $0) }
                }
            }
            let outcomes = try family["outcomes"].array().map { $0.value ?? .null }
            #expect(templates.count == outcomes.count)
            count += outcomes.count
            different += zip(templates, outcomes).compactMap { difference($0, $1, messages) }
        }
        #expect(count > 6000)
        #expect(different.isEmpty, "\(different.count):\n\(different.prefix(100).joined(separator: "\n"))")
    }
}
