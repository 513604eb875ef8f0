import ArgumentParser

struct Evaluate: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Measure a model on held-out text or on programming tasks.",
            discussion: """
                'loss' tells how well each head predicts; 'decoding' what that is worth in speed. 'code' draws programs from \
                the model and runs them against a benchmark's tests; 'generate' and 'grade' are its two halves. \
                'arithmetic' and 'induction' are the paper's two synthetic tasks.

                Examples:
                  foretoken evaluate loss --model runs/demo --data data/validation.tokens
                  foretoken evaluate decoding --model runs/x --data data/validation.tokens
                """,
            subcommands: (TorchCommands.present?.evaluations ?? [TorchOnly.Loss.self]) + [
                EvaluateDecoding.self, Code.self, GenerateSamples.self, Grade.self, Arithmetic.self, Induction.self,
            ])
    }
}
