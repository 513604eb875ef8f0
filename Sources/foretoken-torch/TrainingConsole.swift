import ForetokenReport
import ForetokenTraining
import Foundation

/// Shows the news of a run on standard error.
final class TrainingConsole {
    private var progress: ProgressLine?

    func show(_ event: TrainingEvent) {
        switch event {
        case .started(let heads): say(Self.text(heads))
        case .sequenceLength(let length, let context):
            say(
                "training on sequences of \(length) of the model's \(context) tokens of context; "
                    + "training.sequenceLength chooses another length")
        case .shorterContext(let length, let context):
            say(
                "model.contextLength: the model will refuse texts above \(length) tokens, which its base reads up to "
                    + "\(context); to train on shorter sequences only, give training.sequenceLength instead")
        case .truncatedExamples(let file, let count):
            say("\(file): \(count) examples are longer than training.sequenceLength and are cut")
        case .measuredSteps(let seconds, let steps, let minutes):
            say("\(Formatting.fixed(seconds * 1000, 1)) ms a step: \(steps) steps in \(minutes) minutes")
        case .warning(let text): say(text)
        case .validation(let step, let result):
            let acceptance = result.acceptance.map { Formatting.percent($0) }.joined(separator: " ")
            say(
                "step \(step): validation \(Formatting.fixed(result.bitsPerByte[0], 3)) bits per byte, "
                    + "acceptance per head \(acceptance)")
        case .step(let step):
            let line = progress ?? ProgressLine(total: step.steps)
            progress = line
            line.update(
                step: step.step, tokensPerSecond: step.tokensPerSecond, losses: step.losses,
                secondsLeft: step.secondsLeft)
        }
    }

    /// Ends the progress line, so that other output starts on its own.
    func finish() { progress?.finish() }

    private func say(_ text: String) {
        finish()
        Terminal.log(text)
    }

    private static func text(_ heads: TrainingEvent.StartingHeads) -> String {
        func range(_ from: Int, _ to: Int) -> String { from == to ? "head \(from)" : "heads \(from) to \(to)" }
        var parts = ["\(heads.folder.relativePath): \(range(1, heads.kept)) taken over"]
        if heads.kept < heads.before { parts.append("\(range(heads.kept + 1, heads.before)) left out") }
        if heads.kept < heads.now {
            let start = heads.newHeads == .copied ? "copied from head 1" : "fresh"
            parts.append("\(range(heads.kept + 1, heads.now)) \(start)")
        }
        return parts.joined(separator: ", ")
    }
}
