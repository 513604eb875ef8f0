import ForetokenFiles
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Foundation

/// All runs of a study in execution order. Seeds are the outermost loop, so that a study that is stopped early has completed
/// the same seeds for every variant.
public struct StudyPlan: Sendable {
    /// The study.
    public let study: Study
    /// The study's output folder, as written in the runs' recipes.
    public let folder: String
    /// The runs; a run that starts from another comes after it.
    public private(set) var runs: [StudyRun] = []
    /// Notes for the reader of the plan, such as data that does not exist yet.
    public private(set) var notes: [String] = []

    /// The maximum length of a run's name, which is also a file name.
    private static let longestName = 120
    private static let mostRuns = 10_000

    /// Plans a study. `overrides`: `section.key=value` for every run, with precedence over the study's `set`.
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
                place: study.file, key: "grid", reason: "gives more than \(Self.mostRuns) runs; use fewer values")
        }
        for seed in seeds {
            for arm in arms where seed.map({ arm?.seeds?.contains($0) ?? true }) ?? true {
                for point in points { try add(arm, point, seed, options) }
            }
        }
        try checkAxes()
    }

    /// Rejects overrides without effect because the grid or every arm sets the key.
    private static func requireFree(_ options: [RecipeOverride], _ study: Study) throws {
        let axes = study.grid.map(\.presentKey) + (study.seeds.isEmpty ? [] : ["seed"])
        for option in options {
            func isHidden(_ keys: [String]) -> Bool {
                keys.contains { option.key == $0 || option.key.hasPrefix($0 + ".") }
            }
            let hidesAlways = !study.arms.isEmpty && study.arms.allSatisfy { isHidden($0.settings.map(\.key)) }
            guard isHidden(axes) || hidesAlways else { continue }
            throw StudyError.impossible(
                place: option.place, key: option.key,
                reason: "has no effect: the study sets this key for every run; change it in \(study.file)")
        }
    }

    /// The arms in topological order: each after the one it starts from.
    private static func ordered(_ arms: [Study.Arm]) throws -> [Study.Arm] {
        var (ordered, remaining) = ([Study.Arm](), arms)
        while let index = remaining.firstIndex(where: { arm in
            arm.from.map { from in ordered.contains { $0.name == from } } ?? true
        }) {
            ordered.append(remaining.remove(at: index))
        }
        if let arm = remaining.first {
            throw StudyError.impossible(
                place: arm.place, key: "arms.\(arm.name).from",
                reason: "is a cycle: \(remaining.map(\.name).joined(separator: ", ")) start from each other")
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
                    "the name of run '\(name.prefix(60))…' is too long or not unique; name the variants as arms")
        }
        let parent = try arm?.from.map { from in
            guard let found = runs.first(where: { $0.arm == from && $0.point == point && $0.seed == seed }) else {
                throw StudyError.impossible(
                    place: arm?.place ?? study.file, key: "arms.\(arm?.name ?? "").from",
                    reason: "'\(from)' has no run that '\(name)' could start from")
            }
            return found
        }
        var overrides = study.settings + options
        if let parent {
            // The model's shape comes from the checkpoint, so the base recipe's is removed. A recipe of the arm's own was
            // written for fine-tuning and is left as it is.
            if arm?.recipe == nil { overrides += Self.shapeKeys.map { RecipeOverride("model.\($0)=null", place: "") } }
            overrides.append(
                RecipeOverride("start.from=\"\(Self.escaped("\(folder)/runs/\(parent.name)"))\"", place: ""))
        }
        overrides += arm?.settings ?? []
        overrides += zip(study.grid, point).map { $0.override($1) }
        overrides += seed.map { [RecipeOverride("seed=\($0)", place: study.file)] } ?? []
        do {
            var recipe = try Recipe(contentsOf: arm?.recipe ?? study.recipe, overriding: overrides)
            recipe.provenance.notices.forEach { note($0) }
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

    /// The keys of `model` that a checkpoint determines.
    private static let shapeKeys = [
        "width", "layers", "trunkLayers", "attentionHeads", "keyValueHeads", "headDimension", "feedForwardWidth",
        "ropeBase", "normEpsilon", "tieEmbeddings", "heads", "headKind", "unembedding", "multipleOf",
    ]

    /// The configuration of a run's model, whose shape is also written to the recipe; nil if it starts from a checkpoint that does
    /// not exist yet.
    private mutating func configuration(
        of recipe: inout Recipe, parent: StudyRun?, _ arm: Study.Arm?
    ) throws -> ModelConfiguration? {
        if let parent {
            guard let base = parent.configuration else { return nil }
            let configuration = try recipe.adoptShape(ofCheckpoint: base)
            try recipe.validate()
            return configuration
        }
        if let from = recipe.start.from {
            guard let folder = try? ModelFolder.locate(URL(fileURLWithPath: from)) else {
                note("\(from): does not exist yet; sizes of runs that start from it are unknown")
                return nil
            }
            let configuration = try recipe.adoptShape(ofCheckpoint: ModelFolder.configuration(of: folder))
            try recipe.validate()
            return configuration
        }
        var configuration = try recipe.configuration(for: recipe.dataTokenizer())
        let data = recipe.data.mixture[0].path
        if !FileManager.default.fileExists(atPath: data) {
            let size = arm?.vocabulary ?? study.vocabulary ?? configuration.vocabulary
            configuration.vocabulary = size
            note("\(data): does not exist yet; sizes assume a vocabulary of \(size)")
        }
        return configuration
    }

    private mutating func note(_ text: String) {
        if !notes.contains(text) { notes.append(text) }
    }

    private func requireShard(_ recipe: Recipe, for one: StudyMeasurement) throws {
        guard let path = recipe.data.validation else {
            throw recipe.invalidValue(
                "data.validation",
                "missing, but '\(one.name)' is measured on it; set it, or give the measurement a `data:`")
        }
        guard !path.hasSuffix(".jsonl") else {
            throw recipe.invalidValue(
                "data.validation",
                "\(path) is not a token shard, but '\(one.name)' needs one; give the measurement a `data:`"
            )
        }
    }

    /// The digest of a run: of its recipe, in which the digest of the parent run replaces the parent's folder.
    private static func digest(_ recipe: Recipe, parent: StudyRun?) -> String {
        var recipe = recipe
        if let parent { recipe.start.from = "run \(parent.digest)" }
        return digest(of: recipe.yamlOfVersion01)
    }

    static func digest(of text: String) -> String { SHA256.hex(of: Array(text.utf8)) }

    /// The last component of a key if it is unique in the grid, otherwise the whole key.
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
