import ForetokenFiles
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Foundation

/// All runs of a study in the order in which they are made: seeds outermost, so that a study which is stopped has every
/// variant with as many seeds as were reached.
public struct StudyPlan: Sendable {
    /// What is planned.
    public let study: Study
    /// Where the runs go, as paths are written in their recipes.
    public let folder: String
    /// The runs; one that goes on from another comes after it.
    public private(set) var runs: [StudyRun] = []
    /// What the reader of the plan should know, such as data that is not there yet.
    public private(set) var notes: [String] = []

    /// The longest name of a run, which becomes those of files.
    private static let longestName = 120
    private static let mostRuns = 10_000

    /// Plans a study. `overrides`: `section.key=value` for every run, which win over the study's `set`.
    ///
    /// - Throws: ``StudyError``, `RecipeError`.
    public init(_ study: Study, folder: String, overrides: [String] = []) throws {
        self.study = study
        self.folder = folder
        let options = overrides.map(RecipeOverride.init(option:))
        try Self.requireFree(options, study)
        let arms: [Study.Arm?] = try study.arms.isEmpty ? [nil] : Self.ordered(study.arms)
        let points: [[String]] = study.grid.reduce([[]]) { points, axis in
            points.count > Self.mostRuns ? points : points.flatMap { point in axis.values.map { point + [$0] } }
        }
        let seeds: [UInt64?] = study.seeds.isEmpty ? [nil] : study.seeds
        guard points.count * arms.count * seeds.count <= Self.mostRuns else {
            throw StudyError.impossible(
                place: study.file, key: "grid", reason: "makes more than \(Self.mostRuns) runs; give fewer values")
        }
        for seed in seeds {
            for arm in arms where seed.map({ arm?.seeds?.contains($0) ?? true }) ?? true {
                for point in points { try add(arm, point, seed, options) }
            }
        }
        try checkAxes()
    }

    /// Options that would have no effect, since all variants have values of their own, are refused.
    private static func requireFree(_ options: [RecipeOverride], _ study: Study) throws {
        let axes = study.grid.map(\.key) + (study.seeds.isEmpty ? [] : ["seed"])
        for option in options {
            func isHidden(_ keys: [String]) -> Bool {
                keys.contains { option.key == $0 || option.key.hasPrefix($0 + ".") }
            }
            let hidesAlways = !study.arms.isEmpty && study.arms.allSatisfy { isHidden($0.settings.map(\.key)) }
            guard isHidden(axes) || hidesAlways else { continue }
            throw StudyError.impossible(
                place: option.place, key: option.key,
                reason: "has no effect: the study gives every run a value of its own; change it in \(study.file)")
        }
    }

    /// The arms so that each comes after the one it goes on from.
    private static func ordered(_ arms: [Study.Arm]) throws -> [Study.Arm] {
        var (ordered, rest) = ([Study.Arm](), arms)
        while let index = rest.firstIndex(where: { arm in
            arm.from.map { from in ordered.contains { $0.name == from } } ?? true
        }) {
            ordered.append(rest.remove(at: index))
        }
        if let arm = rest.first {
            throw StudyError.impossible(
                place: arm.place, key: "arms.\(arm.name).from",
                reason: "goes in a circle: \(rest.map(\.name).joined(separator: ", ")) start from each other")
        }
        return ordered
    }

    private mutating func add(
        _ arm: Study.Arm?, _ point: [String], _ seed: UInt64?, _ options: [RecipeOverride]
    ) throws {
        let words = zip(study.grid, point).map { axis, value in "\(shortName(axis.key))-\(Self.fileName(value))" }
        let variant = ([arm?.name].compactMap(\.self) + words).joined(separator: "_")
        let parts = [variant].filter { !$0.isEmpty } + (seed.map { ["seed-\($0)"] } ?? [])
        let name = parts.isEmpty ? "run" : parts.joined(separator: "_")
        guard name.count <= Self.longestName, !runs.contains(where: { $0.name == name }) else {
            throw StudyError.impossible(
                place: study.file, key: "grid",
                reason:
                    "the run '\(name.prefix(60))…' cannot be told from others by a short name; name variants as arms")
        }
        let parent = try arm?.from.map { from in
            guard let found = runs.first(where: { $0.arm == from && $0.point == point && $0.seed == seed }) else {
                throw StudyError.impossible(
                    place: arm?.place ?? study.file, key: "arms.\(arm?.name ?? "").from",
                    reason: "'\(from)' has no run for '\(name)' to go on from")
            }
            return found
        }
        var overrides = study.settings + options
        if let parent {
            // The checkpoint has a shape; a recipe written for the fine-tuning says itself what it takes of it.
            if arm?.recipe == nil { overrides += Self.shapeKeys.map { RecipeOverride("model.\($0)=null", place: "") } }
            overrides.append(
                RecipeOverride("start.from=\"\(Self.escaped("\(folder)/runs/\(parent.name)"))\"", place: ""))
        }
        overrides += arm?.settings ?? []
        overrides += zip(study.grid, point).map { $0.override($1) }
        overrides += seed.map { [RecipeOverride("seed=\($0)", place: study.file)] } ?? []
        do {
            var recipe = try Recipe(contentsOf: arm?.recipe ?? study.recipe, overriding: overrides)
            let configuration = try configuration(of: &recipe, parent: parent, arm)
            for one in study.measurements where one.needsValidation {
                try requireShard(recipe, for: one)
            }
            let row = ([arm?.name].compactMap(\.self) + zip(study.grid, point).map { "\(shortName($0.key)) \($1)" })
                .joined(separator: ", ")
            runs.append(
                StudyRun(
                    name: name, row: row.isEmpty ? study.name : row, arm: arm?.name, series: arm?.series, point: point,
                    seed: seed, recipe: recipe, configuration: configuration, parent: parent?.name,
                    digest: Self.digest(recipe, parent: parent)))
        } catch let error as StudyError {
            throw error
        } catch {
            throw StudyError.run(file: study.file, name: name, reason: "\(error)")
        }
    }

    /// What a checkpoint decides.
    private static let shapeKeys = [
        "width", "layers", "trunkLayers", "attentionHeads", "keyValueHeads", "headDimension", "feedForwardWidth",
        "ropeBase", "normEpsilon", "tieEmbeddings", "heads", "headKind", "unembedding", "multipleOf",
    ]

    /// The model that a run will have, as far as can be known before; the recipe has its shape afterwards.
    private mutating func configuration(
        of recipe: inout Recipe, parent: StudyRun?, _ arm: Study.Arm?
    ) throws -> ModelConfiguration? {
        if let parent {
            guard let base = parent.configuration else { return nil }
            let configuration = try recipe.takeShape(of: base)
            try recipe.validate()
            return configuration
        }
        if let from = recipe.start.from {
            guard let folder = try? ModelFolder.locate(URL(fileURLWithPath: from)) else {
                note("\(from): not there yet, so what starts from it has no size")
                return nil
            }
            let configuration = try recipe.takeShape(of: ModelFolder.configuration(of: folder))
            try recipe.validate()
            return configuration
        }
        var configuration = try recipe.configuration(for: recipe.dataTokenizer())
        let data = recipe.data.mixture[0].path
        if !FileManager.default.fileExists(atPath: data) {
            let size = arm?.vocabulary ?? study.vocabulary ?? configuration.vocabulary
            configuration.vocabulary = size
            note("\(data): not there yet; counted with a vocabulary of \(size)")
        }
        return configuration
    }

    private mutating func note(_ text: String) {
        if !notes.contains(text) { notes.append(text) }
    }

    private func requireShard(_ recipe: Recipe, for one: StudyMeasurement) throws {
        guard let path = recipe.data.validation else {
            throw RecipeError.impossible(
                key: "data.validation",
                reason: "missing, and '\(one.name)' is to be measured on it; or give it a `data:`")
        }
        guard !path.hasSuffix(".jsonl") else {
            throw RecipeError.impossible(
                key: "data.validation",
                reason: "\(path) is no token shard, on which '\(one.name)' is to be measured; give it a `data:` that is"
            )
        }
    }

    /// Of the recipe, and in place of the folder it starts from, of the run there.
    private static func digest(_ recipe: Recipe, parent: StudyRun?) -> String {
        var recipe = recipe
        if let parent { recipe.start.from = "run \(parent.digest)" }
        return digest(of: recipe.yaml)
    }

    static func digest(of text: String) -> String { SHA256.hex(of: Array(text.utf8)) }

    /// The last part of a key, where no other key of the grid ends in it.
    private func shortName(_ key: String) -> String {
        let last = key.split(separator: ".").last.map(String.init) ?? key
        let isUnique = study.grid.count { $0.key == last || $0.key.hasSuffix("." + last) } == 1
        return isUnique ? last : key
    }

    private static func fileName(_ value: String) -> String {
        let words = value.split { !($0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0))) }
        return words.joined(separator: "-")
    }

    private static func escaped(_ path: String) -> String {
        path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }
}
