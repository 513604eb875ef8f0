public import ForetokenModel
public import ForetokenTraining

/// One run of a study: a recipe with every value fixed, and what it is in the study.
public struct StudyRun: Sendable {
    /// Its folder's name, unique in the study.
    public let name: String
    /// The row of the table, which the seeds of a variant share.
    public let row: String
    /// The arm, if the study has arms.
    let arm: String?
    /// The line of the chart that the arm names.
    let series: String?
    /// The point of the grid as YAML values, in the axes' order.
    let point: [String]
    /// The replicate; nil where the study has none.
    let seed: UInt64?
    /// What is trained.
    public let recipe: Recipe
    /// The model that will be; nil where it starts from a checkpoint that is not there yet.
    public let configuration: ModelConfiguration?
    /// The run whose model this one goes on from.
    let parent: String?
    /// Of everything that decides the run.
    let digest: String

    /// Parameters of the model; nil where they are not known yet.
    public var parameters: Int? {
        configuration.flatMap { try? ModelOutline($0).parameterCount }
    }

    /// Tokens of a step.
    var tokensPerStep: Int { recipe.training.batchSize * recipe.training.accumulation * recipe.model.context }

    /// Tokens in all; nil for a run bounded by time.
    public var tokens: Int? { recipe.training.steps.map { $0 * tokensPerStep } }

    /// FLOPs of the training, which its time goes by; nil where they are not known.
    var work: Double? {
        guard let configuration, let tokens else { return nil }
        return Double(tokens) * configuration.trainingFlopsPerToken(context: recipe.model.context)
    }
}
