/// The reference of all recipe keys, as `Documentation/Foretoken.docc/RecipeReference.md` has it.
package enum RecipeReference {
    /// The page as Markdown.
    package static var page: String {
        """
        # Recipe reference

        Every key of a recipe: its type, range, default and effect.

        ## Overview

        A recipe is a YAML file that decides a training run. `foretoken train --print-recipe` prints all keys with their
        defaults as comments, `--for bytes`, `bpe`, `upgrade` or `finetune` a recipe to begin with. Every key can be overridden on
        the command line: `--set training.steps=500`; `--set 'training={steps: 500, batchSize: 4}'` overrides several keys of a
        section and keeps the others. An unknown key is an error that names the nearest known one. `null` is the same as leaving the
        key out. YAML's anchors and merge keys work (`<<: *base`, where keys that begin with `x-` may hold the base).

        The last column says what another value changes. **Model**: it trains another model. **Rounding**: it computes
        the same in another order or precision. **None**: speed, memory, files or the log; the weights stay bitwise the same.

        \(RecipeKey.all.filter { $0.section.isEmpty }.isEmpty ? "" : "### Top level\n\n" + table(of: ""))
        \(RecipeKey.sections.map { "### \($0.name)\n\n\($0.summary)\n\n\(table(of: $0.name))" }.joined(separator: "\n"))
        \(choices)
        ### Not supported yet

        These keys are known and refused, except with the value that is given here:
        \(RecipeKey.unsupported.sorted { $0.key < $1.key }.map { "`\($0.key): \($0.value)`" }.joined(separator: ", ")).

        ### Former names

        Recipes of version 0.1 are still read:

        | former key | present key |
        |---|---|
        \(RecipeKey.formerPaths.sorted { $0.key < $1.key }.map { "| `\($0.key)` | `\($0.value)` |" }.joined(separator: "\n"))

        """
    }

    private static func table(of section: String) -> String {
        var lines = ["| key | type | default | meaning | changes |", "|---|---|---|---|---|"]
        for key in RecipeKey.all where key.section == section {
            let type = key.type + (key.ifNull == nil ? "" : ", or null")
            let standard =
                key.path == "data.train"
                ? "required"
                : key.ifNull.map { key.defaultValue == "null" ? "null: \($0)" : key.defaultValue } ?? key.defaultValue
            lines.append("| `\(key.path)` | \(type) | \(standard) | \(key.summary) | \(key.effect.title) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static var choices: String {
        var text = "### Choices\n"
        for key in RecipeKey.all where !key.choices.isEmpty {
            text += "\n`\(key.path)`:\n\n"
            text += key.choices.map { "- `\($0.name)`: \($0.summary)\n" }.joined()
        }
        return text
    }
}

extension RecipeKey.Effect {
    fileprivate var title: String {
        switch self {
        case .result: "model"
        case .rounding: "rounding"
        case .none: "none"
        }
    }
}
