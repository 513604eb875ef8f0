import ArgumentParser

struct Bench: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Measure speed and memory on this machine.",
            subcommands: (TorchCommands.present?.benchmarks
                ?? [TorchOnly.BenchTrain.self, TorchOnly.BenchMemory.self, TorchOnly.BenchDevice.self])
                + [BenchDecode.self, BenchTokenizer.self])
    }
}
