import ForetokenFiles
import ForetokenTraining
public import Foundation
internal import Yams

extension Study {
    private static let sections = RecipeKey.sections.map(\.name)

    /// Reads and validates a study file. Relative recipe paths are resolved against the file's folder.
    ///
    /// - Throws: `RecipeError` and ``StudyError``, with file, line and key.
    public init(contentsOf url: URL) throws {
        let text = try YamlText.read(url, what: "study")
        try self.init(yaml: text, file: url.relativePath, folder: url.deletingLastPathComponent())
    }

    init(yaml: String, file: String, folder: URL) throws {
        let root = try YamlText.root(of: yaml, place: file, what: "study")
        guard let mapping = root.mapping else {
            throw RecipeError.unreadable(
                place: file, reason: "not a study: expected keys such as `recipe:`, found \(root.summary)")
        }
        let top = YamlSection(mapping, path: "", origin: YamlOrigin(file: file))
        self.file = file
        name = try top.string("name") ?? URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
        guard let recipe = try top.string("recipe"), !recipe.isEmpty else {
            throw StudyError.impossible(
                place: file, key: "recipe", reason: "missing; give the path of the base recipe of all runs")
        }
        self.recipe = Self.file(recipe, in: folder)
        vocabulary = try top.integer("vocabulary")
        settings = try Self.settings(top.section("set"))
        let axes = try Self.axes(top.section("grid"))
        if let axis = axes.first(where: \.values.isEmpty) {
            throw StudyError.impossible(
                place: axis.place, key: "grid.\(axis.key)", reason: "has no value; give one or more")
        }
        grid = axes.filter { $0.key != "seed" }
        seeds = try axes.first { $0.key == "seed" }.map { try Self.seeds($0.values, $0.place, key: "grid.seed") } ?? []
        arms = try Self.arms(top.section("arms"), folder: folder)
        reference = try top.string("reference")
        measurements = try StudyMeasurement.read(top, "evaluate")
        plot = try Plot(top.section("axes"))
        try top.finish()
        try validate()
    }

    private static func file(_ path: String, in folder: URL) -> URL {
        path.hasPrefix("/") ? URL(fileURLWithPath: path) : folder.appendingPathComponent(path)
    }

    /// Recipe keys, dotted or nested in sections, as overrides.
    private static func settings(_ reader: YamlSection) throws -> [RecipeOverride] {
        try reader.entries.flatMap { key, value in try override(key, value, reader) }
    }

    private static func override(_ key: String, _ value: Node, _ reader: YamlSection) throws -> [RecipeOverride] {
        let place = reader.origin.place(reader.full(key), value)
        guard sections.contains(key) else { return [RecipeOverride("\(key)=\(value.flow)", place: place)] }
        guard let section = value.mapping else { throw reader.value(key, value).wrong("a section of keys") }
        return section.map { inner, value in
            RecipeOverride(
                "\(key).\(inner.string ?? inner.summary)=\(value.flow)",
                place: reader.origin.place(reader.full(key), inner))
        }
    }

    private static func axes(_ reader: YamlSection) throws -> [Axis] {
        try reader.entries.map { key, value in
            let expected = "a list of values"
            guard let items = value.sequence, !items.isEmpty else { throw reader.value(key, value).wrong(expected) }
            let place = reader.origin.place(reader.full(key), value)
            let values = items.map(\.flow)
            if let second = values.indices.first(where: { values[..<$0].contains(values[$0]) }) {
                throw StudyError.impossible(
                    place: place, key: reader.full(key),
                    reason: "\(values[second]) is given twice; give each value once")
            }
            guard RecipeKey.isKnown(key) else {
                throw RecipeError.unknownKey(
                    place: place, key: key.contains(".") ? key : reader.full(key),
                    suggestion: RecipeKey.nearest(to: key))
            }
            return Axis(key: key, values: values, place: place)
        }
    }

    private static func seeds(_ values: [String], _ place: String, key: String) throws -> [UInt64] {
        try values.map { text in
            guard let seed = UInt64(text) else {
                throw StudyError.impossible(
                    place: place, key: key, reason: "'\(text)' is not a seed; give integers from 0 to 2^64 − 1")
            }
            return seed
        }
    }

    private static func arms(_ reader: YamlSection, folder: URL) throws -> [Arm] {
        try reader.entries.map { name, node in
            let place = reader.origin.place(reader.full(name), node)
            let isName = name.wholeMatch(of: #/[A-Za-z0-9+][A-Za-z0-9+._-]{0,59}/#) != nil
            guard isName else {
                throw StudyError.impossible(
                    place: place, key: "arms",
                    reason: "'\(name.prefix(60))' cannot name a folder; use letters, digits, '+', '-', '.' and '_'")
            }
            var arm = Arm(name: name, place: place)
            if node.isNull { return arm }
            guard let mapping = node.mapping else { throw reader.value(name, node).wrong("a section of keys") }
            let section = YamlSection(mapping, path: reader.full(name), origin: reader.origin)
            arm.from = try section.string("from")
            arm.recipe = try section.string("recipe").map { Self.file($0, in: folder) }
            arm.series = try section.string("series")
            arm.vocabulary = try section.integer("vocabulary")
            if let seeds = section.value("seed")?.node {
                let values = seeds.sequence.map { $0.map(\.flow) } ?? [seeds.flow]
                arm.seeds = try Self.seeds(values, place, key: section.full("seed"))
            }
            let known = ["from", "recipe", "series", "vocabulary", "seed"]
            for (key, value) in section.entries where !known.contains(key) {
                let head = String(key.prefix { $0 != "." })
                guard sections.contains(head) else {
                    throw RecipeError.unknownKey(
                        place: section.origin.place(section.full(key), value), key: section.full(key),
                        suggestion: nearest(head, among: known + sections))
                }
                arm.settings += try override(key, value, section)
            }
            return arm
        }
    }

    /// Rejects inconsistent keys.
    private func validate() throws {
        func fail(_ place: String, _ key: String, _ reason: String) -> StudyError {
            .impossible(place: place, key: key, reason: reason)
        }
        for setting in settings + arms.flatMap(\.settings) where grid.contains(where: { $0.presentKey == setting.key })
        {
            throw fail(setting.place, setting.key, "is overridden by the grid's values for this key; leave it out here")
        }
        for keys in [grid.map(\.presentKey)] + arms.map({ $0.settings.map(\.key) }) + [settings.map(\.key)] {
            if let twice = keys.indices.first(where: { keys[..<$0].contains(keys[$0]) }) {
                throw fail(file, keys[twice], "is given twice, under one name or under its present and its former one")
            }
        }
        if !seeds.isEmpty, let setting = settings.first(where: { $0.key == "seed" }) {
            throw fail(setting.place, "seed", "is overridden by the grid's values for this key; leave it out here")
        }
        for arm in arms {
            if let other = arm.seeds?.first(where: { !seeds.contains($0) }) {
                throw fail(
                    arm.place, "arms.\(arm.name).seed", "\(other) is not one of the study's seeds; add it to grid.seed")
            }
            guard let from = arm.from else { continue }
            guard let base = arms.first(where: { $0.name == from }) else {
                let close = nearest(from, among: arms.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
                throw fail(arm.place, "arms.\(arm.name).from", "there is no arm '\(from)'\(close)")
            }
            let theirs = base.seeds ?? seeds
            if let missing = (arm.seeds ?? seeds).first(where: { !theirs.contains($0) }) {
                throw fail(
                    arm.place, "arms.\(arm.name).from",
                    "'\(from)' has no run with seed \(missing) to start from; give it that seed, too"
                )
            }
            if let start = arm.settings.first(where: { $0.key == "start.from" }) {
                throw fail(start.place, "arms.\(arm.name).start.from", "is set by `from: \(from)`; leave it out")
            }
        }
        for size in ([vocabulary] + arms.map(\.vocabulary)).compactMap(\.self) where !(1...1 << 24).contains(size) {
            throw fail(file, "vocabulary", "\(size) is outside 1...\(1 << 24)")
        }
        if let reference, !arms.contains(where: { $0.name == reference }) {
            let close = nearest(reference, among: arms.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
            throw fail(file, "reference", "there is no arm '\(reference)'\(close)")
        }
    }
}

extension Study.Plot {
    fileprivate init(_ reader: YamlSection) throws {
        x = try reader.string("x")
        series = try reader.string("series")
        y = try reader.string("y")
        minus = try reader.string("minus")
        if let text = try reader.string("spread") {
            guard let spread = Spread(rawValue: text) else {
                throw StudyError.impossible(
                    place: reader.origin.file, key: "axes.spread",
                    reason: "unknown value '\(text)'; use 'range' or 'error'"
                )
            }
            self.spread = spread
        }
        try reader.finish()
    }
}

extension Node {
    /// The value as YAML on one line.
    var flow: String {
        switch self {
        case .scalar(let scalar):
            if isNull { return "null" }
            let isPlain = scalar.style == .plain || scalar.style == .any
            let isSimple = scalar.string.wholeMatch(of: #/[A-Za-z0-9_.+\/-]+/#) != nil
            return isPlain && isSimple ? scalar.string : quoted(scalar.string)
        case .sequence(let items): return "[" + items.map(\.flow).joined(separator: ", ") + "]"
        case .mapping(let pairs):
            return "{" + pairs.map { "\($0.key.flow): \($0.value.flow)" }.joined(separator: ", ") + "}"
        case .alias: return "null"
        }
    }
}

/// A double-quoted YAML string; JSON's escapes are YAML's.
private func quoted(_ text: String) -> String {
    var result = ""
    JSONValue.append(text, to: &result)
    return result
}
