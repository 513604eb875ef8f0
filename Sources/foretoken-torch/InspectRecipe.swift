import ForetokenCommands
import ForetokenModel
import ForetokenReport
import ForetokenText
import ForetokenTraining
import Foundation

/// A recipe as the model that it would make, with the memory that training takes.
enum InspectRecipe {
    static func show(_ url: URL, world: Int?) throws {
        let recipe = try Recipe(contentsOf: url)
        let configuration = try recipe.configuration(for: recipe.dataTokenizer())
        if world == nil { try showParameters(of: configuration) }
        show(recipe)
        show(MemoryEstimate(recipe, configuration: configuration, ranks: world ?? 1), ranks: world)
    }

    /// The sources of a mixture, if all of them are there.
    private static func show(_ recipe: Recipe) {
        guard recipe.data.sources.count > 1, let tokenizer = try? recipe.dataTokenizer(),
            let loader = try? recipe.batchLoader(recipe.data.sources, tokenizer: tokenizer)
        else { return }
        let total = recipe.data.sources.reduce(0) { $0 + $1.weight }
        let samples = (recipe.training.steps ?? 0) * recipe.training.batchSize * recipe.training.accumulation
        var table = TextTable(["source", "share", "epochs"])
        for (source, epochs) in zip(recipe.data.sources, loader.epochs(afterSamples: samples)) {
            table.add([
                source.path, Formatting.percent(source.weight / total),
                samples > 0 ? Formatting.fixed(epochs, 2) : "by the time",
            ])
        }
        print("\n" + table.terminalText)
    }

    private static func show(_ estimate: MemoryEstimate, ranks world: Int?) {
        let ranks = world.map { ", each of \($0) ranks" } ?? ""
        var table = TextTable(["memory of a training step (CPU, float32)\(ranks)", "bytes"])
        table.add(["weights", Formatting.bytes(Double(estimate.weights))])
        table.add(["gradients", Formatting.bytes(Double(estimate.gradients))])
        table.add(["optimizer", Formatting.bytes(Double(estimate.optimizer))])
        table.add(["transient", Formatting.bytes(Double(estimate.transient))])
        table.add(["peak", Formatting.bytes(Double(estimate.peak))])
        print("\n" + table.text)
    }
}
