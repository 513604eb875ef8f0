import Foundation
import Testing

/// A study of a tiny model, run through the command.
final class StudyFixture {
    let place: Workplace

    init() throws { place = try Workplace() }

    func path(_ name: String) -> String { place.path(name) }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
    func text(_ name: String) -> String { (try? String(contentsOfFile: path(name), encoding: .utf8)) ?? "" }

    /// Writes a study with the workplace's recipe.
    func study(steps: Int, _ yaml: String) throws -> String {
        if !exists("data/train.tokens") { _ = try place.recipe(steps: steps) }
        let text = """
            recipe: recipe.yaml
            set: { training.steps: \(steps) }
            evaluate: [{ loss: { batches: 2 } }, { decoding: { prompts: 2, promptTokens: 8, maxTokens: 12 } }]

            """
        try Data((text + yaml).utf8).write(to: place.folder.appendingPathComponent("study.yaml"))
        return path("study.yaml")
    }

    func start(_ arguments: [String]) throws -> Process {
        try Command.start(
            ["study"] + arguments, output: URL(fileURLWithPath: path("study.out")),
            errors: URL(fileURLWithPath: path("study.err")))
    }

    /// A study's values that do not depend on timing.
    func numbers(_ folder: String) throws -> NSDictionary {
        let data = try Data(contentsOf: place.folder.appendingPathComponent(folder + "/study.json"))
        func timeless(_ value: Any) -> Any {
            if let object = value as? [String: Any] {
                return object.filter { !["tokensPerSecond", "peakBytes", "speedUp"].contains($0.key) }
                    .mapValues(timeless) as NSDictionary
            }
            return (value as? [Any]).map { $0.map(timeless) as NSArray } ?? value
        }
        return try #require(timeless(JSONSerialization.jsonObject(with: data)) as? NSDictionary)
    }

    /// The running processes that use this fixture's folder.
    var processes: [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { process in
            let line = (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/cmdline"))) ?? Data()
            return String(decoding: line, as: UTF8.self).contains(place.folder.lastPathComponent)
        }
    }
}
