import ForetokenFiles
import Foundation
import Yams

/// The part of a run's recipe that commands without LibTorch read.
enum RunRecipe {
    /// The folder of the data that a run trained on.
    ///
    /// - Throws: ``CommandFailure``, naming the file.
    static func dataFolder(_ recipe: URL) throws -> URL {
        func failure(_ words: String) -> CommandFailure {
            CommandFailure(description: "\(recipe.relativePath): \(words)")
        }
        let bytes: Data
        do { bytes = try Data(contentsOf: recipe) } catch { throw failure("cannot read it: \(error.systemReason)") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw failure("is not UTF-8 text, so not a recipe")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch YamlError.parser(_, let problem, let mark, _), YamlError.scanner(_, let problem, let mark, _) {
            throw failure("is not valid YAML: line \(mark.line), column \(mark.column): \(problem)")
        } catch {
            throw failure("is not valid YAML")
        }
        guard let train = root?["data"]?["train"]?.string, !train.isEmpty else {
            throw failure("has no data.train; name the folder of the data with --data")
        }
        return URL(fileURLWithPath: train).deletingLastPathComponent()
    }
}
