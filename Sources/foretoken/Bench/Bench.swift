import ArgumentParser

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure speed and memory on this machine.",
        subcommands: [BenchTrain.self, BenchMemory.self, BenchDecode.self, BenchDevice.self, BenchTokenizer.self])
}
