import ArgumentParser

struct Evaluate: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Measure a model on held-out text, on programming tasks or on text tasks.",
            discussion: """
                'loss' measures how well each head predicts, 'decoding' how much faster the heads make decoding. 'code' \
                generates programs and runs them against a benchmark's tests; 'generate' and 'grade' do the two steps one by \
                one. 'arithmetic' and 'induction' are the two synthetic tasks of the paper (arXiv 2404.19737). 'text' compares \
                completions with references, 'choice' answers multiple-choice questions.

                Examples:
                  foretoken evaluate loss --model runs/demo --data data/validation.tokens
                  foretoken evaluate decoding --model runs/x --data data/validation.tokens
                """,
            subcommands: (TorchCommands.present?.evaluations ?? [TorchOnly.Loss.self]) + [
                EvaluateDecoding.self, Code.self, GenerateSamples.self, Grade.self, Arithmetic.self, Induction.self,
                Text.self, Choice.self,
            ])
    }
}
