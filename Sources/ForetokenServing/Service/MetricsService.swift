import ForetokenDecoding
import ForetokenModel
import Synchronization

/// The metrics of a server: what its requests record, and what its engines say when somebody asks.
final class MetricsService: Sendable {
    let registry = MetricsRegistry()
    private let names: MetricsRegistry.Names
    /// In the order in which they are served.
    private let models = Mutex<[(name: String, metrics: ServerMetrics)]>([])
    /// The forward passes of each model that were counted.
    private let counted = Mutex<[String: (passes: Int, sequences: Int)]>([:])

    init(_ settings: ServerSettings) { names = settings.aliasesMetrics ? .withAliases : .own }

    /// Registers a model's metrics.
    func add(_ model: ServedModel) {
        let metrics = ServerMetrics(registry, model: model.name, heads: model.language.configuration.heads)
        models.withLock { $0.append((model.name, metrics)) }
    }

    /// The metrics of a model that was added.
    func of(_ model: ServedModel) -> ServerMetrics? {
        models.withLock { $0.first { $0.name == model.name }?.metrics }
    }

    /// A request was answered with an error; counted for the first model, as requests for unknown ones are.
    func refused(status: Int) {
        // Before the models are there, nobody counts.
        models.withLock { $0.first }?.metrics.refused(status: status)
    }

    /// The text for Prometheus.
    func text(_ models: [ServedModel]) async -> String {
        for model in models {
            let engine = model.language.engine
            let (activity, counters) = await (engine.activity, engine.counters)
            guard let metrics = of(model) else { continue }
            metrics.requests(running: activity.running.count, waiting: activity.waiting)
            metrics.cache(usage: Double(activity.cacheBytes) / Double(max(1, engine.limits.cacheBytes)))
            counted.withLock { counted in
                let before = counted[model.name] ?? (0, 0)
                // Of two readers at a time, one may have older counters.
                guard counters.passes > before.passes else { return }
                metrics.forwards(counters.passes - before.passes, sequences: counters.passSequences - before.sequences)
                counted[model.name] = (counters.passes, counters.passSequences)
            }
        }
        return registry.text(names)
    }
}
