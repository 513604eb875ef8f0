import ArgumentParser
import ForetokenDecoding
import ForetokenEvaluation
import ForetokenFiles
import ForetokenReport
import ForetokenText
import Foundation

extension Evaluate {
    struct Choice: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Answer multiple-choice questions by likelihood.",
            discussion: """
                Every choice is scored by head 1's log-likelihood after the context; the most likely one is the model's answer: by \
                its total, per byte and per character of the choice (acc and acc_norm of lm-evaluation-harness).

                A line of --questions is an object such as {"context": "Snow is", "choices": [" white", " black"], "answer": 0}.

                Examples:
                  foretoken evaluate choice --model runs/x --questions piqa.jsonl
                  foretoken evaluate choice --model runs/x --questions arc.jsonl --delimiter ' ' --out scores.jsonl --json
                """)

        @Option(help: "A run or model folder.", completion: .directory)
        var model: Path
        @Option(
            help: "A JSONL file of objects with context, choices and answer, the right choice's index from 0.",
            completion: .file(extensions: ["jsonl"]))
        var questions: Path
        @Option(
            parsing: .unconditional,
            help: "Text between context and choice; lm-evaluation-harness puts a space there. None if omitted.")
        var delimiter = ""
        @Option(
            help: """
                Write the choices' log-likelihoods in nats to this file, a line for each question; the same command then \
                resumes there. No file if omitted.
                """, completion: .file(extensions: ["jsonl"]))
        var out: Path?
        @OptionGroup(title: "Weights")
        var weights: WeightOptions
        @Option(parsing: .unconditional, help: "Seed of the resampling for the intervals.")
        var bootstrapSeed: UInt64 = 0
        @Flag(help: "Print one JSON object.")
        var json = false

        @ComputeActor
        func run() async throws {
            InterruptFlag.install()
            let questions = try ChoiceQuestion.read(questions.url)
            let (model, tokenizer, folder) = try weights.load(model)
            let evaluation = try ChoiceEvaluation(
                questions, model: model, modelDigest: try weights.digest(of: folder), tokenizer: tokenizer,
                delimiter: delimiter)
            let progress = StageProgress()
            let found = try evaluation.run(to: out?.url) {
                if $0 > 0 { progress.show("questions", $0, $1) }
                return !InterruptFlag.isRaised
            }
            progress.finish()
            guard let found else { throw ExitCode(130) }
            let summary = ChoiceSummary(questions, logLikelihoods: found, seed: bootstrapSeed)
            print(json ? try JSONValue.object(summary.json).text() : summary.table.terminalText)
        }
    }
}
