public import Foundation

/// News of a run, for whoever shows it; a trainer itself prints nothing.
public enum TrainingEvent: Sendable {
    /// The heads of the checkpoint in `start.from` that the run took over.
    case started(StartingHeads)
    /// The recipe names no `training.sequenceLength`, and this length was chosen, of the checkpoint's `context` tokens.
    case sequenceLength(Int, context: Int)
    /// The recipe's `model.contextLength` is below the checkpoint's, `context`: the model will refuse longer texts.
    case shorterContext(Int, context: Int)
    /// Examples in `file` are longer than `training.sequenceLength` and were cut.
    case truncatedExamples(file: String, count: Int)
    /// A run bounded by time fixed its number of steps.
    case measuredSteps(secondsPerStep: Double, steps: Int, minutes: Double)
    /// A step was logged.
    case step(LoggedStep)
    /// A validation.
    case validation(step: Int, HeadEvaluation)
    /// A side file, such as the report, could not be written; training continues.
    case warning(String)

    /// What became of a checkpoint's heads.
    public struct StartingHeads: Sendable {
        /// The checkpoint.
        public let folder: URL
        /// Heads 1 to `kept` were taken over.
        public let kept: Int
        /// The heads of the checkpoint and of the run.
        public let before, now: Int
        /// How the heads above `kept` begin.
        public let newHeads: NewHeads
    }

    /// A step of which the log has a record.
    public struct LoggedStep: Sendable {
        /// The step, counted from 1, and the number of steps of the run.
        public let step, steps: Int
        /// Each head's loss in nats per token; NaN for a head that did not run.
        public let losses: [Double]
        /// Tokens per second since the last record.
        public let tokensPerSecond: Double
        /// Estimated seconds to the end of the run.
        public let secondsLeft: Double
    }
}
