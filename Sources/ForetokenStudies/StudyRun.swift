public import ForetokenModel
public import ForetokenTraining

/// One run of a study: a fully specified recipe, and its position in the study.
public struct StudyRun: Sendable {
    /// The name of its folder, unique in the study.
    public let name: String
    /// The row of the table, shared by all seeds of a variant.
    public let row: String
    /// The arm, if the study has arms.
    let arm: String?
    /// The chart line set by the arm.
    let series: String?
    /// The point of the grid as YAML values, in the axes' order.
    let point: [String]
    /// The seed of the replicate; nil if the study has no seeds.
    let seed: UInt64?
    /// The recipe.
    public let recipe: Recipe
    /// The model's configuration; nil if the run starts from a checkpoint that does not exist yet.
    public let configuration: ModelConfiguration?
    /// The run whose model this one starts from.
    let parent: String?
    /// The digest of everything that determines the run.
    let digest: String

    /// The number of parameters; nil if it is not known yet.
    public var parameters: Int? {
        configuration.flatMap { try? ModelOutline($0).parameterCount }
    }

    /// Tokens per training step.
    var tokensPerStep: Int { recipe.training.batchSize * recipe.training.accumulation * recipe.sequenceLength }

    /// The total number of training tokens; nil for a run bounded by time.
    public var tokens: Int? { recipe.training.steps.map { $0 * tokensPerStep } }

    /// The FLOPs of the training, used to estimate the remaining time; nil if not known.
    var work: Double? {
        guard let configuration, let tokens else { return nil }
        return Double(tokens) * configuration.trainingFlopsPerToken(sequenceLength: recipe.sequenceLength)
    }
}
