import ForetokenFiles
import ForetokenModel
import ForetokenText
import Foundation
import Torch

/// All that a run needs, resolved from its recipe, its folder and the checkpoint there before the first step.
struct TrainingPreparation {
    /// The recipe with what the stored run and the checkpoint in `start.from` decide.
    let recipe: Recipe
    let tokenizer: any Tokenizer
    let model: MultiTokenModel
    let training: any SequenceSource
    let validation: (any SequenceSource)?
    let optimizer: AdamW
    /// Where each rank's share of gradients and optimizer state lies.
    let plan: ShardPlan
    /// Steps done.
    let step: Int
    /// The checkpoint that the run resumes from; nil for a run that has none yet.
    let checkpoint: URL?
    /// Chat template, generation settings and the like of the model that the run began with.
    let companions: [CompanionFile]
    /// Whether the folder has a recipe already, that of a run which was killed before its first checkpoint, too.
    let isBegun: Bool

    /// - Throws: as ``Trainer/init(recipe:folder:tokenizer:world:report:)``.
    init(
        _ given: Recipe, _ folder: RunFolder, _ givenTokenizer: (any Tokenizer)?, _ world: any World,
        report: (TrainingEvent) -> Void
    ) throws {
        try Self.requireRunnable(given, world)
        checkpoint = folder.latestCheckpoint
        isBegun = FileManager.default.fileExists(atPath: folder.recipe.path)
        let base = try given.start.from.map { [checkpoint] in
            try checkpoint ?? ModelFolder.locate(URL(fileURLWithPath: $0))
        }
        companions = try (checkpoint ?? base).map { try ModelFolder.keptCompanions(of: $0) } ?? []
        tokenizer = try givenTokenizer ?? base.map { try ModelFolder.tokenizer(in: $0) } ?? given.dataTokenizer()
        let device = try world.device(named: given.training.device)
        try given.training.precision.require(on: device)
        if let threads = given.training.threads { LibTorch.threads = threads }
        var recipe = given
        try Self.adoptStoredRecipe(in: folder, isResumed: checkpoint != nil, isBegun: isBegun, &recipe)
        let found = try Self.checkpointModel(
            &recipe, checkpoint: checkpoint, base: base, tokenizer: tokenizer, device: device, world: world,
            isBegun: isBegun, report: report)
        if device == .cpu { try Self.requireMemory(recipe, tokenizer, world) }
        let templates = try ModelFolder.chatTemplates(among: companions)
        training = try recipe.trainingSequences(tokenizer: tokenizer, templates: templates, report: report)
        validation = try recipe.data.validation.map { [recipe, tokenizer] in
            try recipe.sequences($0, tokenizer: tokenizer, templates: templates, report: report)
        }
        let model =
            try found ?? MultiTokenModel(recipe.configuration(for: tokenizer), seed: recipe.seed, device: device)
        model.computeType = recipe.training.precision.computeType
        if recipe.training.freezeTrunk { model.freezeNextTokenPath() }
        self.model = model
        self.recipe = recipe
        plan = ShardPlan(model, ranks: world.size)
        let optimizer = try Self.optimizer(recipe, model, plan, rank: world.rank)
        self.optimizer = optimizer
        step =
            try checkpoint.map { checkpoint in
                try Self.resuming(checkpoint) { try TrainerState.restore(optimizer, from: checkpoint) }
            } ?? 0
    }

    /// A recipe that makes a run, the same on all ranks, with a sequence for each.
    private static func requireRunnable(_ recipe: Recipe, _ world: any World) throws {
        try recipe.validate()
        try world.requireSame(recipe)
        let sequences = recipe.training.batchSize * recipe.training.accumulation
        guard sequences >= world.size else { throw WorldError.tooManyRanks(size: world.size, sequences: sequences) }
    }

    /// Takes the number of steps and the model's shape from the run in the folder, and refuses any other difference.
    private static func adoptStoredRecipe(
        in folder: RunFolder, isResumed: Bool, isBegun: Bool, _ recipe: inout Recipe
    ) throws {
        if isResumed || isBegun {
            let stored: Recipe
            do {
                stored = try Recipe(contentsOf: folder.recipe)
            } catch {
                throw RunFolderError.system(
                    path: folder.recipe.relativePath, action: "resume the run by it",
                    reason: "\(error); put the run's recipe back there, or name another folder")
            }
            try recipe.adopt(stored, from: folder)
        }
        // A recipe that a person wrote may have a person's other files beside it.
        if !isResumed, try !isBegun || !Recipe.isWrittenByRun(folder.recipe) { try folder.requireUnused() }
    }

    /// The model of the run's checkpoint, or the one that the recipe makes of `start.from`; nil for random weights.
    private static func checkpointModel(
        _ recipe: inout Recipe, checkpoint: URL?, base: URL?, tokenizer: any Tokenizer, device: Device,
        world: any World, isBegun: Bool, report: (TrainingEvent) -> Void
    ) throws -> MultiTokenModel? {
        if let checkpoint { return try resuming(checkpoint) { try ModelFolder.read(checkpoint, device: device) } }
        return try base.map {
            try recipe.adaptedModel(
                of: $0, tokenizer: tokenizer, device: device, world: world, isBegun: isBegun, report: report)
        }
    }

    private static func optimizer(
        _ recipe: Recipe, _ model: MultiTokenModel, _ plan: ShardPlan, rank: Int
    ) throws -> AdamW {
        try AdamW(
            model.parameters.filter { !$0.isFrozen }, betas: (recipe.training.betas[0], recipe.training.betas[1]),
            epsilon: recipe.training.epsilon, decay: recipe.training.weightDecay, owners: plan.owners, rank: rank)
    }

    /// Refuses what the machine cannot hold before anything is allocated, rather than after minutes of page faults.
    private static func requireMemory(_ recipe: Recipe, _ tokenizer: any Tokenizer, _ world: any World) throws {
        let estimate = try MemoryEstimate(
            recipe, configuration: recipe.configuration(for: tokenizer), ranks: world.size)
        guard estimate.peak <= Memory.machineBytes / world.localSize else {
            throw TrainerError.tooLarge(
                needed: estimate.peak, transient: estimate.transient, available: Memory.machineBytes,
                ranks: world.localSize)
        }
    }

    /// Reads a checkpoint; where it is broken, the error says how to resume nevertheless.
    private static func resuming<Value>(_ checkpoint: URL, _ read: () throws -> Value) throws -> Value {
        do {
            return try read()
        } catch  where !(error is TorchError) {
            throw RunFolderError.brokenCheckpoint(checkpoint.relativePath, reason: "\(error)")
        }
    }
}

extension Recipe {
    /// Takes the fixed number of steps and the model's shape from the recipe of the run in a folder.
    ///
    /// - Throws: ``RunFolderError/otherRecipe(folder:keys:)`` if the recipes differ in anything else.
    fileprivate mutating func adopt(_ stored: Recipe, from folder: RunFolder) throws {
        if training.steps == nil {
            guard let steps = stored.training.steps else {
                throw RunFolderError.foreign(folder: folder.url.relativePath, file: folder.recipe.lastPathComponent)
            }
            training.steps = steps
        }
        if start.from != nil { adoptShape(ofStored: stored) }
        let keys = differingKeys(from: stored)
        guard keys.isEmpty else { throw RunFolderError.otherRecipe(folder: folder.url.relativePath, keys: keys) }
    }

    /// Whether a file is a recipe as a run writes it, to the byte, in this version or in 0.1.
    fileprivate static func isWrittenByRun(_ url: URL) throws -> Bool {
        let recipe = try Recipe(contentsOf: url)
        let bytes = try Foundation.Data(contentsOf: url)
        return bytes == Foundation.Data(recipe.yaml.utf8) || bytes == Foundation.Data(recipe.yamlOfVersion01.utf8)
    }
}
