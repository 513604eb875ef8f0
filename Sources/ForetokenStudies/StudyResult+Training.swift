import ForetokenModel
import ForetokenReport
import ForetokenTraining
import Foundation

extension StudyResult.Training {
    /// Reads the results of a finished run from its folder.
    ///
    /// - Throws: `RecipeError`, ``RunFolderError``, `ModelError`, `MetricsError`.
    init(run folder: URL) throws {
        let recipe = try Recipe(contentsOf: folder.appendingPathComponent("recipe.yaml"))
        let configuration = try ModelFolder.configuration(of: ModelFolder.locate(folder))
        var (rates, peak): ([Double], Int?) = ([], nil)
        let metrics = RunRecord.metrics(in: folder)
        if FileManager.default.fileExists(atPath: metrics.path) {
            try MetricsRecord.forEach(in: metrics) { record in
                guard record.kind == "train" else { return }
                for (key, value) in record.values {
                    if key == "tokensPerSecond", case .number(let rate) = value { rates.append(rate) }
                    if key == "peakBytes", case .number(let bytes) = value { peak = max(peak ?? 0, Int(bytes)) }
                }
            }
        }
        let steps = recipe.training.steps ?? 0
        self.init(
            parameters: try ModelOutline(configuration).parameterCount, steps: steps,
            tokens: steps * recipe.training.batchSize * recipe.training.accumulation * recipe.sequenceLength,
            tokensPerSecond: Statistics(rates)?.median, peakBytes: peak)
    }
}
