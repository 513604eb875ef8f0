import ArgumentParser
import ForetokenDecoding
import ForetokenEvaluation
import ForetokenFiles
import ForetokenText
import Foundation

/// Writing a synthetic task's data, and answering its questions; the options of both tasks.
struct TaskOptions: ParsableArguments {
    @Option(
        help: "The folder to write training data and questions into, created if it does not exist; or give --model.",
        completion: .directory)
    var writeData: Path?
    @Option(parsing: .unconditional, help: "With --write-data: the number of training documents.")
    var documents = 200_000
    @Option(
        parsing: .unconditional,
        help: "With --write-data: the seed of the documents; the questions are always the same.")
    var seed: UInt64 = 0
    @Option(
        help: "A run or model folder, to measure the accuracy of its answers; or give --write-data.",
        completion: .directory)
    var model: Path?
    @Option(
        help: "With --model: the folder that --write-data wrote; that of the run's training data if omitted.",
        completion: .directory)
    var data: Path?
    @Option(
        help: """
            With --model: a JSONL file for the answers, one line each, from which an interrupted run resumes; answers are \
            not stored if omitted.
            """,
        completion: .file(extensions: ["jsonl"]))
    var out: Path?
    @OptionGroup(title: "Weights")
    var weights: WeightOptions
    @Option(parsing: .unconditional, help: "The seed of the bootstrap for the confidence intervals.")
    var bootstrapSeed: UInt64 = 0
    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func validate() throws {
        guard (writeData == nil) != (model == nil) else {
            throw ValidationError("give either --write-data, to write the task's data, or --model, to test a model")
        }
        if writeData != nil, data != nil || out != nil {
            throw ValidationError("--data and --out need --model")
        }
        try require(documents, "--documents", in: 1...(1 << 40))
    }

    /// Writes the task's data.
    func write(_ task: any SyntheticTask, _ tokenizer: any Tokenizer, to folder: Path) throws {
        InterruptFlag.install()
        let progress = StageProgress()
        let report = try TaskData(task, documents: documents, seed: seed).write(to: folder.url, tokenizer: tokenizer) {
            if $0 > 0 { progress.show("documents", $0, $1) }
            return !InterruptFlag.isRaised
        }
        progress.finish()
        guard let report else { throw ExitCode(130) }
        try show(TaskDataOutput(task: task.name, report: report, tokenizer: tokenizer), asJSON: json)
    }

    /// Has the model answer the questions, and prints its accuracy.
    @ComputeActor
    func test(_ task: String, _ path: Path) async throws {
        InterruptFlag.install()
        let data = try dataFolder(path)
        let (model, tokenizer, folder) = try weights.load(path)
        let evaluation = try TaskEvaluation(
            in: data, model: model, modelDigest: weights.digest(of: folder), tokenizer: tokenizer)
        let progress = StageProgress()
        let right = try await evaluation.run(on: BatchEngine(model, tokenizer: tokenizer), to: out?.url) {
            if $0 > 0 { progress.show("answers", $0, $1) }
            return !InterruptFlag.isRaised
        }
        progress.finish()
        guard let right else { throw ExitCode(130) }
        let summary = TaskSummary(task, evaluation.questions, correct: right, seed: bootstrapSeed)
        try show(TaskSummaryOutput(summary: summary), asJSON: json)
    }

    /// The folder of the questions.
    private func dataFolder(_ model: Path) throws -> URL {
        if let data { return data.url }
        let recipe = model.url.appendingPathComponent("recipe.yaml")
        guard FileManager.default.fileExists(atPath: recipe.path) else {
            throw CommandFailure(
                description:
                    "\(model.text): not a run's folder, so its training data is unknown; name the folder with --data")
        }
        return try RunRecipe.dataFolder(recipe)
    }
}

extension Evaluate {
    struct Arithmetic: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the data of the paper's polynomial arithmetic task, or test a model on it.",
            discussion: """
                Expressions over F_p[X]/(X^d) with negation, addition, multiplication and composition (@), such as \
                (31402*-(10203@00001))=; the answer is the coefficients of the result, lowest first. Training expressions \
                have 1 to --operations operations. Test expressions have up to --test-operations: those with more than in \
                training are out of domain. No expression is in both sets.

                Examples:
                  foretoken evaluate arithmetic --write-data data/arithmetic
                  foretoken evaluate arithmetic --write-data data/small --modulus 3 --degree 2 --operations 2
                  foretoken train Recipes/arithmetic-small.yaml --out runs/arithmetic
                  foretoken evaluate arithmetic --model runs/arithmetic --json
                """)

        @OptionGroup var options: TaskOptions
        @Option(
            parsing: .unconditional, help: "With --write-data: the modulus p of the coefficients, a prime below 10.")
        var modulus = 7
        @Option(parsing: .unconditional, help: "With --write-data: the number of coefficients d of an element.")
        var degree = 5
        @Option(parsing: .unconditional, help: "With --write-data: the largest number of operations in training.")
        var operations = 5
        @Option(
            parsing: .unconditional,
            help: "With --write-data: the largest number of operations in tests; twice --operations if omitted.")
        var testOperations: Int?
        @Option(parsing: .unconditional, help: "With --write-data: the number of pause tokens before the equals sign.")
        var pauses = 0
        @Option(parsing: .unconditional, help: "With --write-data: test questions for each number of operations.")
        var questions = 2000

        func run() async throws {
            if let model = options.model { return try await options.test("arithmetic", model) }
            guard let folder = options.writeData else { return }
            let task = try ArithmeticTask(
                ring: PolynomialRing(modulus: modulus, degree: degree), operations: operations,
                mostOperations: testOperations ?? min(64, 2 * operations), pauses: pauses, questions: questions)
            try options.write(task, ByteTokenizer(), to: folder)
        }
    }

    struct Induction: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the data of the paper's induction task, or test a model on it.",
            discussion: """
                Stories of two friends whose names have two tokens each. The accuracy is how often the model, given a name's \
                first token, predicts its second, wherever the name has occurred in the story before. Every story has new \
                random names, so the first token alone does not determine the second.

                Examples:
                  foretoken evaluate induction --write-data data/induction --vocabulary 1024
                  foretoken train Recipes/induction-small.yaml --out runs/induction
                  foretoken evaluate induction --model runs/induction --json
                """)

        @OptionGroup var options: TaskOptions
        @Option(parsing: .unconditional, help: "With --write-data: the number of test stories.")
        var stories = 100
        @Option(
            help: "With --write-data: the tokenizer.json to use; the byte tokenizer if omitted.",
            completion: .file(extensions: ["json"]))
        var tokenizer: Path?
        @Option(
            parsing: .unconditional,
            help:
                "With --write-data: train a tokenizer with this vocabulary size on such stories first; none if omitted."
        )
        var vocabulary: Int?

        func validate() throws {
            if tokenizer != nil, vocabulary != nil {
                throw ValidationError("--tokenizer and --vocabulary exclude each other")
            }
        }

        func run() async throws {
            if let model = options.model { return try await options.test("induction", model) }
            guard let folder = options.writeData else { return }
            let chosen =
                try tokenizer.map { try TokenizerFile.read($0.url) }
                ?? vocabulary.map { try InductionTask.trainTokenizer(vocabulary: $0) } ?? ByteTokenizer()
            try options.write(InductionTask(tokenizer: chosen, stories: stories), chosen, to: folder)
        }
    }
}
