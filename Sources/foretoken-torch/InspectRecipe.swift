import ForetokenCommands
import ForetokenModel
import ForetokenReport
import ForetokenTraining
import Foundation
import Torch

/// A recipe as the model that it would train, and the memory that training takes.
enum InspectRecipe {
    /// The tables for a recipe's file; with `world`, the memory of each of as many ranks, without the parameters.
    static func text(_ url: URL, world: Int?) throws -> String {
        var recipe = try Recipe(contentsOf: url)
        recipe.provenance.notices.forEach { Terminal.log($0) }
        let configuration = try configuration(&recipe, ranks: world ?? 1)
        let estimate = try MemoryEstimate(recipe, configuration: configuration, ranks: world ?? 1)
        var parts = world == nil ? [try ModelTable(configuration).terminalText] : []
        let shares = recipe.mixtureShares
        if !shares.isEmpty { parts.append(table(of: shares).terminalText) }
        parts.append(table(of: estimate, ranks: world).text)
        return parts.joined(separator: "\n\n")
    }

    /// The model to train: of the recipe's sizes, or of those of the checkpoint in `start.from`.
    private static func configuration(_ recipe: inout Recipe, ranks: Int) throws -> ModelConfiguration {
        guard let start = recipe.start.from else { return try recipe.configuration(for: recipe.dataTokenizer()) }
        let base = try ModelFolder.configuration(of: ModelFolder.locate(URL(fileURLWithPath: start)))
        let configuration = try recipe.adoptShape(ofCheckpoint: base)
        if try recipe.chooseSequenceLength(for: configuration, memory: Memory.machineBytes / ranks, ranks: ranks) {
            Terminal.log(
                "sequences of \(recipe.sequenceLength) of the model's \(configuration.contextLength) tokens of context fit this "
                    + "machine; training.sequenceLength chooses another length")
        }
        try recipe.validate()
        return configuration
    }

    private static func table(of shares: [Recipe.MixtureShare]) -> TextTable {
        var table = TextTable(["source", "share", "epochs"])
        for share in shares {
            let epochs = share.epochs.map { Formatting.fixed($0, 2) } ?? "depends on the time"
            table.add([share.path, Formatting.percent(share.share), epochs])
        }
        return table
    }

    private static func table(of estimate: MemoryEstimate, ranks world: Int?) -> TextTable {
        let ranks = world.map { ", each of \($0) ranks" } ?? ""
        var table = TextTable(["memory of a training step (CPU, float32)\(ranks)", "bytes"])
        for (name, bytes) in [
            ("weights", estimate.weights), ("gradients", estimate.gradients), ("optimizer", estimate.optimizer),
            ("transient", estimate.transient), ("peak", estimate.peak),
        ] { table.add([name, Formatting.bytes(Double(bytes))]) }
        return table
    }
}
