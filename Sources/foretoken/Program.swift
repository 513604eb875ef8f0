import ForetokenCommands

@main
struct Program {
    static func main() async {
        prepareProcess()
        await runForetoken()
    }
}
