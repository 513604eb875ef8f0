import Foundation
import TestSupport
import Testing

@testable import ForetokenTraining

private let minimal = "data: { train: a.tokens }\ntraining: { steps: 10 }\n"

private func message(_ yaml: String, _ overrides: [String] = []) -> String {
    let error = #expect(throws: RecipeError.self) { try Recipe(yaml: yaml, file: "r.yaml", overrides: overrides) }
    return error?.description ?? ""
}

/// The stored properties of a recipe's section, by reflection.
private func properties(_ value: some Any) -> Set<String> {
    Set(Mirror(reflecting: value).children.compactMap(\.label))
}

@Suite struct RecipeKeyTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A property without a key could be neither set nor saved.
    @Test func everyPropertyOfARecipeHasAKey() {
        let recipe = Recipe()
        for (section, value) in [
            ("data", recipe.data as Any), ("start", recipe.start), ("model", recipe.model),
            ("training", recipe.training), ("memory", recipe.memory),
        ] {
            let names = Set(RecipeKey.all.filter { $0.section == section }.map(\.name))
            #expect(properties(value) == names, "\(section)")
        }
        #expect(properties(recipe) == Set(RecipeKey.sections.map(\.name) + ["seed", "provenance"]))
    }

    @Test func everyKeyIsDocumentedInOneSentence() {
        for key in RecipeKey.all {
            #expect(key.summary.hasSuffix(".") && key.summary.split(separator: " ").count >= 3 || key.summary.count > 8)
            #expect(!key.type.isEmpty)
        }
        #expect(Set(RecipeKey.all.map(\.path)).count == RecipeKey.all.count)
    }

    /// `FORETOKEN_UPDATE_DOCUMENTATION=1` writes the page.
    @Test func theReferencePageIsTheTable() throws {
        let page = Self.root.appendingPathComponent("Documentation/Foretoken.docc/RecipeReference.md")
        if ProcessInfo.processInfo.environment["FORETOKEN_UPDATE_DOCUMENTATION"] != nil {
            try Data(RecipeReference.page.utf8).write(to: page)
        }
        #expect(
            try String(contentsOf: page, encoding: .utf8) == RecipeReference.page,
            "the keys have changed; run the tests once with FORETOKEN_UPDATE_DOCUMENTATION=1")
    }

    /// The file that prints all keys is the default recipe.
    @Test func thePrintedKeysAreTheDefaults() throws {
        var expected = Recipe()
        expected.data.train = "data/train.tokens"
        expected.training.steps = 1000
        expected.memory.logitsMiB = 64
        let printed = try Recipe(yaml: RecipeTemplate.allKeys, file: "r.yaml")
        #expect(printed == expected)
        #expect(printed.differingKeys(from: expected).isEmpty)
        for key in RecipeKey.all { #expect(RecipeTemplate.allKeys.contains("\(key.name): "), "\(key.path)") }
    }

    @Test(arguments: RecipeTemplate.allCases)
    func printedTemplatesAreRecipesThatNameEveryKey(template: RecipeTemplate) throws {
        let recipe = try Recipe(yaml: template.yaml, file: "r.yaml")
        #expect(recipe.provenance.notices.isEmpty)
        // With the comment marks of keys removed it has all keys, and those that were comments are defaults.
        let uncommented = template.yaml.replacing(/(?m)^(\s*)#([A-Za-z]+: )/) { "\($0.1)\($0.2)" }
        let whole = try Recipe(yaml: uncommented, file: "r.yaml")
        for key in RecipeKey.all { #expect(whole.provenance.places[key.path] != nil, "\(key.path)") }
        #expect(whole.differingKeys(from: recipe).isEmpty)
    }

    @Test func formerNamesAreReadWithANotice() throws {
        let old = minimal + "model: { context: 64 }\n"
        let recipe = try Recipe(yaml: old, file: "r.yaml", overrides: ["training.softTargets=4"])
        #expect(recipe.model.contextLength == 64)
        #expect(recipe.training.selfDistillationTopK == 4)
        #expect(
            recipe.provenance.notices == [
                "--set training.softTargets=4: training.softTargets is called training.selfDistillationTopK now",
                "r.yaml:3: model.context is called model.contextLength now",
            ])
        // One overrides the other; both in one file contradict each other.
        #expect(try Recipe(yaml: old, file: "r.yaml", overrides: ["model.contextLength=32"]).model.contextLength == 32)
        for both in ["contextLength: 64, context: 32", "context: 32, contextLength: 64"] {
            #expect(
                message(minimal + "model: { \(both) }").contains(
                    "is given twice, under its present and its former name"))
            #expect(message(minimal, ["model={\(both)}"]).contains("model.contextLength: is given twice"))
        }
    }

    /// What version 0.1 wrote is read back equal, and digests of studies are computed of it.
    @Test func recipesOfVersion01AreWrittenAndRead() throws {
        var recipe = try Recipe(yaml: minimal, file: "r.yaml")
        recipe.model.contextLength = 77
        recipe.training.selfDistillationTopK = 5
        let old = recipe.yamlOfVersion01
        #expect(old.contains("  context: 77\n") && old.contains("  softTargets: 5\n"))
        #expect(try Recipe(yaml: old, file: "r.yaml") == recipe)
        #expect(recipe.yaml.contains("  contextLength: 77\n"))
        #expect(recipe.value(of: "model.context") == "77" && recipe.value(of: "model.contextLength") == "77")
    }

    /// Each key set to a value of another type or out of its range names the file, the line and the key.
    @Test func errorsOfEveryKeyNameTheLine() {
        for key in RecipeKey.all where !key.section.isEmpty {
            for value in ["[[x]]", "-1"] {
                let yaml = "\(key.section):\n  \(key.name): \(value)\n"
                guard
                    let error = #expect(
                        throws: RecipeError.self, performing: { try Recipe(yaml: yaml, file: "r.yaml") })
                else { continue }
                let isText = value == "-1" && key.type.hasPrefix("path")
                #expect(isText || error.description.hasPrefix("r.yaml:2: \(key.path): "), "\(error)")
            }
        }
    }

    @Test func sectionsGivenByOptionAreMerged() throws {
        let recipe = try Recipe(
            yaml: minimal + "model: { heads: 2, width: 64 }", file: "r.yaml",
            overrides: ["model={width: 32, layers: 4}", "training={batchSize: 3}"])
        #expect(recipe.model.heads == 2 && recipe.model.width == 32 && recipe.model.layers == 4)
        #expect(recipe.training.steps == 10 && recipe.training.batchSize == 3)
        #expect(message(minimal, ["model=3"]).hasPrefix("--set model=3: model: expected a section"))
        #expect(
            message(minimal, ["model={heads: x}"])
                == "--set model={heads: x}: model.heads: expected a whole number, found 'x'")
        #expect(
            message(minimal, ["training.steps.x=3"]).contains(
                "training.steps.x: unknown key; did you mean 'training.steps'?"))
    }

    @Test func mergeKeysBringTheSectionsTheyName() throws {
        let yaml = """
            model: &small { width: 64, heads: 2 }
            data: { train: a.tokens }
            training:
              <<: { steps: 9, batchSize: 2 }
              batchSize: 5
            """
        let recipe = try Recipe(yaml: yaml, file: "r.yaml")
        #expect(recipe.training.steps == 9 && recipe.training.batchSize == 5)
        let shared = """
            data: { train: a.tokens }
            training: &base { steps: 9 }
            memory: { recompute: blocks }
            start: { <<: [*base] }
            """
        #expect(message(shared) == "r.yaml:2: start.steps: unknown key; did you mean 'training.steps'?")
        #expect(message("training: { <<: 3 }").hasPrefix("r.yaml:1: <<: expected an alias of a section"))
        let base = "x-base: &base { steps: 9 }\ndata: { train: a.tokens }\ntraining: { <<: *base }"
        #expect(try Recipe(yaml: base, file: "r.yaml").training.steps == 9)
    }

    /// Each level doubles what the one before merged, and each of many keys is looked up among as many.
    @Test func mergesThatMultiplyAreRefusedAtOnce() {
        let keys = (0..<500).map { "k\($0): 1" }.joined(separator: ", ")
        var yaml = "x-0: &m0 { \(keys) }\n"
        for level in 1...8 { yaml += "x-\(level): &m\(level) { <<: [*m\(level - 1), *m\(level - 1)] }\n" }
        #expect(message(yaml).contains("<<: merges more than 10,000 keys"))
        let many = (0..<40_000).map { "k\($0): 1" }.joined(separator: ", ")
        #expect(message("x-0: &m { \(many) }\nmodel: { <<: *m }").contains("<<: merges more than 10,000 keys"))
    }

    @Test func commentsAndGlobsAreNotCountedAsAliases() throws {
        let comment = "# " + String(repeating: "*", count: 40) + String(repeating: " - [x]", count: 300) + "\n"
        let glob = "# **/*.swift **/*.py *.md\n"
        #expect(try Recipe(yaml: comment + glob + minimal, file: "r.yaml").training.steps == 10)
        #expect(
            try Recipe(
                yaml: minimal + "  # 1 * 2 * 3 ** 4 * 5 * 6 * 7 * 8 * 9 * 10 * 11 * 12 * 13 * 14 * 15 * 16 * 17",
                file: "r.yaml"
            ).seed == 0)
    }

    /// Of values that contradict each other, the error names the one that an option set, or that the file names.
    @Test func contradictionsNameTheirPlace() {
        let shape = minimal + "model:\n  layers: 3\n  heads: 7\n"
        #expect(message(shape).hasPrefix("r.yaml:5: model.heads: heads is 7 and layers is 3"))
        #expect(
            message(minimal + "model: { layers: 3 }", ["model.heads=9"]).hasPrefix("--set model.heads=9: model.heads: ")
        )
        #expect(message(minimal + "model:\n  keyValueHeads: 3\n").hasPrefix("r.yaml:4: model.keyValueHeads: "))
        #expect(message(minimal + "model:\n  headDimension: 3\n").hasPrefix("r.yaml:4: model.headDimension: "))
        #expect(message(minimal + "model:\n  width: 16777216\n").hasPrefix("r.yaml:4: model.width: "))
        #expect(
            message(minimal, ["training.device=gpu"])
                == "--set training.device=gpu: training.device: 'gpu' is not a device; use cpu, cuda or cuda:1")
    }

    @Test func theParsersErrorsAreOurSentences() {
        #expect(
            message("model:\n\theads: 2")
                == "r.yaml:2: not valid YAML: a tab at the beginning of the line; indent with spaces")
        #expect(
            message("model:\n  heads: 2\n  width: 3\n  heads: 4")
                == "r.yaml:4: not valid YAML: 'heads' appears twice in one section (first in line 2); keep one of them")
        #expect(
            message("data:\n  sources:\n  - weight: 1\n    path: a\n    weight: 2\n  - weight: 3\n    path: b\n")
                .hasPrefix("r.yaml:5: not valid YAML: 'weight' appears twice in one section (first in line 3)"))
        #expect(message("model:\n  heads: 2\n   width: 3").contains("r.yaml:3: not valid YAML: a second ':'"))
        #expect(message("model: {heads: 2").hasPrefix("r.yaml:2: not valid YAML: "))
        #expect(message(minimal, ["model.heads=[1"]).hasPrefix("--set model.heads=[1: not valid YAML: "))
    }
}
