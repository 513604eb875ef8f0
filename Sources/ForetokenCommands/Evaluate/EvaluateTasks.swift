import ArgumentParser
import ForetokenDecoding
import ForetokenEvaluation
import ForetokenFiles
import ForetokenReport
import ForetokenText
import Foundation

/// Writing a synthetic task's data, and answering its questions; the options of both tasks.
struct TaskOptions: ParsableArguments {
    @Option(
        help: "Write the task's data into this folder, to train on; made if it is not there.", completion: .directory)
    var writeData: Path?
    @Option(parsing: .unconditional, help: "With --write-data: documents to train on.")
    var documents = 200_000
    @Option(parsing: .unconditional, help: "With --write-data: decides the documents; the questions stay the same.")
    var seed: UInt64 = 0
    @Option(help: "A run or model folder, whose answers are to be counted.", completion: .directory)
    var model: Path?
    @Option(
        help: "A folder made by --write-data; that of the run's training data if not given.", completion: .directory)
    var data: Path?
    @Option(
        help: "Keep the answers in this file, a line each; the same command then goes on where it was stopped.",
        completion: .file(extensions: ["jsonl"]))
    var out: Path?
    @OptionGroup(title: "Weights")
    var weights: WeightOptions
    @Option(parsing: .unconditional, help: "Decides the resampling of the intervals.")
    var bootstrapSeed: UInt64 = 0
    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard (writeData == nil) != (model == nil) else {
            throw ValidationError("give either --write-data, to make a task's data, or --model, to have it tested")
        }
        if writeData != nil, data != nil || out != nil {
            throw ValidationError("--data and --out belong to --model")
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
        if json {
            let value: JSONValue = [
                "task": .string(task.name), "documents": .integer(report.documents), "tokens": .integer(report.tokens),
                "questions": .integer(report.questions), "vocabulary": .integer(tokenizer.vocabularySize),
            ]
            return print(try value.text())
        }
        print("train      \(report.documents) documents, \(report.tokens) tokens of '\(tokenizer.name)'")
        print("questions  \(report.questions), in \(TaskQuestion.fileName)")
    }

    /// Has the model answer the questions, and prints.
    @ComputeActor
    func test(_ task: String, _ path: Path) async throws {
        InterruptFlag.install()
        let data = try dataFolder(path)
        let questions = try TaskQuestion.read(data.appendingPathComponent(TaskQuestion.fileName))
        let (model, tokenizer, folder) = try weights.load(path)
        // A tokenizer of other data would ask other questions.
        _ = try TokenizerFile.read(folder: data, digest: tokenizer.digest, name: tokenizer.name)
        let evaluation = try TaskEvaluation(
            questions, model: model, fingerprint: try weights.fingerprint(of: folder), tokenizer: tokenizer)
        let progress = StageProgress()
        let right = try await evaluation.run(on: BatchEngine(model, tokenizer: tokenizer), to: out?.url) {
            if $0 > 0 { progress.show("answers", $0, $1) }
            return !InterruptFlag.isRaised
        }
        progress.finish()
        guard let right else { throw ExitCode(130) }
        let summary = TaskSummary(task, questions, right: right, seed: bootstrapSeed)
        print(json ? try JSONValue.object(summary.json).text() : summary.table.terminalText)
    }

    /// Where the questions are.
    private func dataFolder(_ model: Path) throws -> URL {
        if let data { return data.url }
        let recipe = model.url.appendingPathComponent("recipe.yaml")
        guard FileManager.default.fileExists(atPath: recipe.path) else {
            throw CommandFailure(
                description: "\(model.text): no run, so its data is not known; name its folder with --data")
        }
        return try RunRecipe.dataFolder(recipe)
    }
}

extension Evaluate {
    struct Arithmetic: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Polynomial arithmetic, the paper's algorithmic task: make its data, or test a model.",
            discussion: """
                Expressions over F_p[X]/(X^d) with negation, addition, multiplication and composition (@), such as \
                (31402*-(10203@00001))=, and after the equality sign the result's coefficients, that of X^0 first. Training \
                has 1 to --operations operations; tests go on to --test-operations, which is out of domain. No expression \
                is in both.

                Examples:
                  foretoken evaluate arithmetic --write-data data/arithmetic
                  foretoken evaluate arithmetic --write-data data/small --modulus 3 --degree 2 --operations 2
                  foretoken train Recipes/arithmetic-small.yaml --out runs/arithmetic
                  foretoken evaluate arithmetic --model runs/arithmetic --json
                """)

        @OptionGroup var options: TaskOptions
        @Option(parsing: .unconditional, help: "With --write-data: p, a prime below 10.")
        var modulus = 7
        @Option(parsing: .unconditional, help: "With --write-data: d, coefficients of an element.")
        var degree = 5
        @Option(parsing: .unconditional, help: "With --write-data: the most operations to train on.")
        var operations = 5
        @Option(
            parsing: .unconditional,
            help: "With --write-data: the most operations to test; twice --operations if not given.")
        var testOperations: Int?
        @Option(parsing: .unconditional, help: "With --write-data: pause tokens before the equality sign.")
        var pauses = 0
        @Option(parsing: .unconditional, help: "With --write-data: questions of each number of operations.")
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
            abstract: "Names of two tokens in stories, the paper's induction task: make its data, or test a model.",
            discussion: """
                Stories of two friends. Counted is whether the model, after a name's first token, goes on with its second, \
                wherever the story had the name before. Names are drawn anew for every story, so the first token alone does not tell.

                Examples:
                  foretoken evaluate induction --write-data data/induction --vocabulary 1024
                  foretoken train Recipes/induction-small.yaml --out runs/induction
                  foretoken evaluate induction --model runs/induction --json
                """)

        @OptionGroup var options: TaskOptions
        @Option(parsing: .unconditional, help: "With --write-data: stories to test.")
        var stories = 100
        @Option(
            help: "With --write-data: a tokenizer.json; bytes if not given.", completion: .file(extensions: ["json"]))
        var tokenizer: Path?
        @Option(
            parsing: .unconditional,
            help: "With --write-data: train a tokenizer of so many tokens on such stories first.")
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
