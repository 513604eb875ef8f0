import ForetokenTraining
import Foundation
internal import Yams

extension StudyMeasurement {
    private static let kinds = ["loss", "decoding", "arithmetic", "induction", "code"]

    /// The list of what to measure: names, or names with settings.
    static func read(_ reader: YamlSection, _ key: String) throws -> [StudyMeasurement] {
        guard let value = reader.value(key) else { return [] }
        let expected = "a list such as [loss, {decoding: {temperatures: [0, 0.8]}}]"
        guard let items = value.node.sequence else { throw value.wrong(expected) }
        var found: [StudyMeasurement] = []
        for (index, item) in items.enumerated() {
            let path = "\(reader.full(key))[\(index)]"
            let kind: String
            let settings: Node.Mapping?
            if let name = item.scalar?.string {
                (kind, settings) = (name, nil)
            } else if let mapping = item.mapping, mapping.count == 1, let pair = mapping.first {
                kind = pair.key.string ?? pair.key.summary
                guard pair.value.isNull || pair.value.mapping != nil else {
                    throw reader.value(key, pair.value).wrong("settings of '\(kind)'")
                }
                settings = pair.value.mapping
            } else {
                throw reader.value(key, item).wrong(expected)
            }
            guard kinds.contains(kind) else {
                throw RecipeError.unknownKey(
                    place: reader.origin.place(path, item), key: "\(path).\(kind)",
                    suggestion: nearest(kind, among: kinds))
            }
            let section = YamlSection(settings, path: "\(path).\(kind)", origin: reader.origin)
            found += try measurements(kind, section, place: reader.origin.place(path, item))
            try section.finish()
        }
        for (index, one) in found.enumerated() where found[..<index].contains(where: { $0.name == one.name }) {
            throw StudyError.impossible(
                place: reader.origin.file, key: reader.full(key),
                reason: "'\(one.name)' is measured twice; remove one, or give it another `name:`")
        }
        return found
    }

    private static func measurements(
        _ kind: String, _ reader: YamlSection, place: String
    ) throws -> [StudyMeasurement] {
        func whole(_ key: String, _ value: inout Int) throws {
            value = try reader.integer(key) ?? value
            guard value >= 1 else {
                throw StudyError.impossible(place: place, key: reader.full(key), reason: "\(value) is below 1")
            }
        }
        func temperatures(default values: [Double]) throws -> [Double] {
            let values = try reader.numbers("temperatures") ?? values
            guard !values.isEmpty, values.allSatisfy({ $0 >= 0 }), Set(values).count == values.count else {
                throw StudyError.impossible(
                    place: place, key: reader.full("temperatures"),
                    reason: "must be distinct numbers of at least 0 (greedy), such as [0, 0.8]")
            }
            return values
        }
        switch kind {
        case "loss":
            var batches = 50
            try whole("batches", &batches)
            return [StudyMeasurement(name: kind, kind: .loss(data: try reader.string("data"), batches: batches))]
        case "decoding":
            var options = Decoding()
            options.data = try reader.string("data")
            try whole("prompts", &options.prompts)
            try whole("promptTokens", &options.promptTokens)
            try whole("maxTokens", &options.maxTokens)
            options.showsSpeed = try reader.boolean("speed") ?? false
            return try temperatures(default: [0]).map { temperature in
                options.temperature = temperature
                return StudyMeasurement(
                    name: temperature == 0 ? kind : "\(kind)@\(temperature)", kind: .decoding(options))
            }
        case "code":
            guard let problems = try reader.string("problems"), !problems.isEmpty else {
                throw StudyError.impossible(
                    place: place, key: reader.full("problems"),
                    reason: "missing; give the path of a benchmark's JSONL file")
            }
            var options = Code(problems: problems)
            try whole("samples", &options.completions)
            try whole("maxTokens", &options.maxTokens)
            options.temperatures = try temperatures(default: options.temperatures)
            options.timeout = try reader.number("timeout") ?? options.timeout
            options.isUnsafe = try reader.boolean("unsafeNoSandbox") ?? false
            let ks = try reader.numbers("k")?.map { Int(exactly: $0) ?? 0 } ?? options.ks
            guard !ks.isEmpty, ks.allSatisfy({ $0 >= 1 && $0 <= options.completions }) else {
                throw StudyError.impossible(
                    place: place, key: reader.full("k"),
                    reason: "must be integers from 1 to samples (\(options.completions)), such as [1]")
            }
            options.ks = ks
            let stem = URL(fileURLWithPath: problems).lastPathComponent.prefix { $0 != "." }.lowercased()
            let name = try reader.string("name") ?? stem
            guard name.wholeMatch(of: #/[A-Za-z0-9_-]{1,40}/#) != nil, !kinds.contains(name) else {
                throw StudyError.impossible(
                    place: place, key: reader.full("name"),
                    reason: "'\(name.prefix(40))' cannot name a measurement; use letters, digits, '-' and '_'")
            }
            return [StudyMeasurement(name: name, kind: .code(options))]
        default: return [StudyMeasurement(name: kind, kind: .task(kind, data: try reader.string("data")))]
        }
    }
}
