#!/usr/bin/env python3
"""PyTorch at its best setting, as a peer of `vitro bench`, which asks it for one sample at a time.

    vitro bench --peer bench/peers.py       measured beside ours, in the same rounds (./dev bench --peers)
    bench/peers.py --install                makes build/peers, a virtual environment with the newest PyTorch
    bench/peers.py --first-step WORKLOAD THREADS     a process of its own: `start` and `memory`

Which PyTorch: that of build/peers, or of this Python, or of /usr/bin/python3 (Debian's python3-torch).
The protocol is told in bench/README.md.

Its best setting. The process starts with malloc that keeps freed memory (large thresholds), without the
OPENBLAS_* variables that a shell may preset, and with no more threads than cores. What can be done in several
ways (eager or torch.compile; an optimiser as a loop, foreach or fused) is tried in each, interleaved, for each
workload and number of threads, and the fastest is the one that is measured from then on. A way that this version
or machine lacks is left out, with a line on standard error.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "peers"
GiB = 1 << 30
SETTING = {"MALLOC_MMAP_THRESHOLD_": str(GiB), "MALLOC_TRIM_THRESHOLD_": str(2 * GiB), "MALLOC_TOP_PAD_": str(64 << 20),
           "TORCHINDUCTOR_CACHE_DIR": str(PLACE / "inductor"), "TORCHINDUCTOR_COMPILE_THREADS": "1"}
SAMPLE_S = 4e-3  # a sample repeats what is timed for at least about so long
TRIALS = 7       # samples of each way, before one is chosen


def say(*words):
    print("peers:", *words, file=sys.stderr, flush=True)


# --- which Python, in what environment ---

def has_torch(python):
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    return os.access(python, os.X_OK) and subprocess.run([python, "-c", look], stderr=subprocess.DEVNULL).returncode == 0


def python_with_torch():
    return next((p for p in (str(PLACE / "bin" / "python"), sys.executable, "/usr/bin/python3") if has_torch(p)), None)


def settle():
    """Starts this program again under the Python and in the environment that it is to be measured in."""
    if os.environ.get("VITRO_PEER") == "settled":
        return
    python = python_with_torch()
    if not python:
        sys.exit("peers: no PyTorch here. Help: bench/peers.py --install")
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    os.execve(python, [python, __file__, *sys.argv[1:]], {**environment, **SETTING, "VITRO_PEER": "settled"})


def install():
    """The newest PyTorch of PyPI into build/peers. Exit 1 where there is no network, or no such package."""
    python = str(PLACE / "bin" / "python")
    if has_torch(python):
        return say("PyTorch is in build/peers; remove the folder to get a newer one")
    say("making build/peers with the newest PyTorch of PyPI: a download of 2 to 3 GB, 5 to 6 GB on the disk")
    made = subprocess.run([sys.executable, "-m", "venv", str(PLACE)], stdout=sys.stderr).returncode == 0
    if not made or subprocess.run([python, "-m", "pip", "install", "--quiet", "--retries", "1", "torch", "numpy"],
                                  stdout=sys.stderr).returncode != 0:
        sys.exit("peers: PyPI did not give PyTorch")
    return say("done")


# --- workloads: each gives the ways in which it can be done, as {how: something to call} ---

def attempt(ways, how, make):
    """Adds a way that this PyTorch may lack: made and run once, to see."""
    try:
        run = make()
        for _ in range(3):
            run()
        ways[how] = run
    except Exception as error:  # whatever it is, the other ways remain
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        say(f"left out: {how} ({reason})")


def net(widths):
    layers = []
    for i, o in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(i, o), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def optimizer_of(name, parameters, **how):
    kinds = {"sgd": (torch.optim.SGD, {"lr": 0.01}), "momentum": (torch.optim.SGD, {"lr": 1e-3, "momentum": 0.9}),
             "adam": (torch.optim.Adam, {"lr": 1e-3})}
    kind, arguments = kinds[name]
    return kind(parameters, **arguments, **how)


OPTIMIZER_WAYS = {"loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}


def compiled(function, **how):
    if not hasattr(torch, "compile"):
        raise RuntimeError("this version has no torch.compile")
    torch._dynamo.reset()
    return torch.compile(function, **how)


def lenet():
    nn = torch.nn
    maps = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*maps, nn.Flatten(), *net([400, 120, 84, 10]))


def conv_stack():
    layers, before = [], 3
    for out, stride in ((16, 1), (32, 1), (32, 2), (32, 1), (64, 2), (64, 1), (64, 1)):
        layers += [torch.nn.Conv2d(before, out, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(out), torch.nn.ReLU()]
        before = out
    return torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(64, 10))


def sequences():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.fc = torch.nn.LSTM(40, 128, batch_first=True), torch.nn.Linear(128, 10)

        def forward(self, x):
            return self.fc(self.lstm(x)[0][:, -1])
    return Net()


def characters():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = torch.nn.Embedding(65, 256)
            self.lstm, self.fc = torch.nn.LSTM(256, 256, 2, batch_first=True), torch.nn.Linear(256, 65)

        def forward(self, x):
            return self.fc(self.lstm(self.embed(x))[0]).reshape(-1, 65)
    return Net()


def batch_of(name):
    """What to make a model with, samples, labels, the optimiser."""
    make, sample, answers, batch, rule = NETS[name]
    codes = sample == "codes"
    x = torch.randint(65, (batch, 64)) if codes else torch.randn(batch, *sample)
    return make, x, torch.randint(answers, (batch * 64 if codes else batch,)), rule


def step(name):
    make_model, x, y, rule = batch_of(name)

    def make(compile_with=None, compile_update=False, channels_last=False, **how):
        model, given = make_model(), x
        if channels_last:
            model, given = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
        loss_of = lambda: torch.nn.functional.cross_entropy(model(given), y)
        optimizer = optimizer_of(rule, model.parameters(), **how)
        forward = loss_of if compile_with is None else compiled(loss_of, **compile_with)
        update = compiled(optimizer.step) if compile_update else optimizer.step

        def run():
            optimizer.zero_grad(set_to_none=True)
            forward().backward()
            update()
        return run

    ways = {}
    for name, how in OPTIMIZER_WAYS.items():
        attempt(ways, f"eager, {name} {rule}", lambda: make(**how))
        attempt(ways, f"compile, {name} {rule}", lambda: make({}, **how))
    attempt(ways, f"compile, compiled {rule}", lambda: make({}, True))
    attempt(ways, f"compile max-autotune, fused {rule}", lambda: make({"mode": "max-autotune-no-cudagraphs"}, fused=True))
    if x.dim() == 4:
        attempt(ways, f"eager, channels last, fused {rule}", lambda: make(channels_last=True, fused=True))
        attempt(ways, f"compile, channels last, fused {rule}", lambda: make({}, channels_last=True, fused=True))
    return ways


def predict(name, batch):
    make_model, x, _, _ = batch_of(name)
    x = x[:1].repeat(batch, *[1] * (x.dim() - 1))
    model = torch.nn.Sequential(make_model(), torch.nn.Softmax(-1)).eval()

    def without_gradient(function):
        def run():
            with torch.inference_mode():
                function(x)
        return run

    def frozen():
        import torch._inductor.config
        torch._inductor.config.freezing = True
        try:
            run = without_gradient(compiled(model, mode="max-autotune-no-cudagraphs"))
            run()
        finally:
            torch._inductor.config.freezing = False
        return run

    ways = {}
    attempt(ways, "eager", lambda: without_gradient(model))
    attempt(ways, "compile", lambda: without_gradient(compiled(model)))
    attempt(ways, "compile max-autotune, frozen", frozen)
    return ways


def product(m, n, k):
    x, w, y = torch.randn(m, k), torch.randn(n, k), torch.empty(m, n)
    wt = w.t()

    def packed_by_onednn():
        packed = torch.ops.mkldnn._reorder_linear_weight(w, m)
        return lambda: torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")

    def packed_by_mkl():
        packed = torch.ops.mkl._mkl_reorder_linear_weight(w, m)
        return lambda: torch.ops.mkl._mkl_linear(x, packed, w, None, m)

    ways = {}
    attempt(ways, "mm", lambda: lambda: torch.mm(x, wt, out=y))
    attempt(ways, "oneDNN, weight packed before", packed_by_onednn)
    attempt(ways, "MKL, weight packed before", packed_by_mkl)
    return ways


def weight_derivative(m, n, k):
    x, dy, dw = torch.randn(m, k), torch.randn(m, n), torch.empty(n, k)
    return {"mm": lambda: torch.mm(dy.t(), x, out=dw)}


def elementwise(name, low, high):
    x = torch.empty(2048).uniform_(low, high)
    y = torch.empty_like(x)
    if name == "relu":
        return {"relu": lambda: torch.relu(x), "clamp_min": lambda: torch.clamp_min(x, 0, out=y)}
    function = getattr(torch, name)
    return {"eager": lambda: function(x, out=y)}


def update(rule, n):
    def make(compile_it=False, **how):
        p = torch.nn.Parameter(torch.randn(n))
        p.grad = torch.randn(n)
        optimizer = optimizer_of(rule, [p], **how)
        return compiled(optimizer.step) if compile_it else optimizer.step

    ways = {}
    for name, how in OPTIMIZER_WAYS.items():
        attempt(ways, name, lambda: make(**how))
    attempt(ways, "compile", lambda: make(True))
    return ways


# What makes the net, its sample, its classes, the batch, the optimiser.
NETS = {"W1": (lambda: net([784, 128, 10]), [784], 10, 32, "sgd"),
        "W1b": (lambda: net([784, 128, 10]), [784], 10, 128, "sgd"),
        "W2": (lambda: net([784, 1024, 1024, 10]), [784], 10, 256, "adam"),
        "W3": (lenet, [1, 28, 28], 10, 64, "adam"),
        "W4": (conv_stack, [3, 32, 32], 10, 128, "momentum"),
        "W5": (sequences, [64, 40], 10, 32, "adam"),
        "W6": (lambda: net([2, 16, 16, 3]), [2], 3, 300, "adam"),
        "W7": (characters, "codes", 65, 32, "adam")}
WORKLOADS = {
    **{name: lambda name=name: step(name) for name in NETS},
    **{f"{name}-predict-{batch}": lambda name=name, batch=batch: predict(name, batch)
       for name, batch in (("W1", 1), ("W1", 32), ("W3", 1))},
    **{f"matmul-{m}x{n}x{k}": lambda m=m, n=n, k=k: product(m, n, k)
       for m, n, k in ((32, 128, 784), (128, 128, 784), (32, 512, 128), (256, 1024, 1024), (2048, 2048, 2048))},
    "matmul-32x128x784-dW": lambda: weight_derivative(32, 128, 784),
    **{name: lambda name=name, low=low, high=high: elementwise(name, low, high)
       for name, low, high in (("relu", -3, 3), ("exp", -10, 10), ("log", 1e-3, 10), ("tanh", -3, 3), ("sigmoid", -10, 10),
                               ("erf", -3, 3))},
    **{f"{rule}-{size}": lambda rule=rule, n=n: update(rule, n)
       for rule in ("sgd", "momentum", "adam") for size, n in (("64Ki", 64 << 10), ("16Mi", 16 << 20))},
}


# --- samples ---

def seconds_of(run, times):
    begin = time.perf_counter()
    for _ in range(times):
        run()
    return time.perf_counter() - begin


class Workload:
    """One workload at one number of threads: the fastest of its ways, and how often it runs in a sample."""

    def __init__(self, name, threads):
        say(f"{name} on {threads}: trying what is fastest ...")
        self.times = {}
        ways = WORKLOADS[name]()
        for how, run in ways.items():
            for _ in range(3):
                run()
            once = max(seconds_of(run, 3) / 3, 1e-7)
            self.times[how] = max(1, round(SAMPLE_S / once))
        trials = {how: [] for how in ways}
        for _ in range(TRIALS):
            for how, run in ways.items():
                trials[how].append(self.sample_of(how, run))
        medians = {how: statistics.median(samples) for how, samples in trials.items()}
        say(*(f"{seconds * 1e6:10.1f} us  {how}\n      " for how, seconds in sorted(medians.items(), key=lambda m: m[1])))
        self.how = min(medians, key=medians.get)
        self.run = ways[self.how]

    def sample_of(self, how, run):
        seconds_of(run, 2 + self.times[how] // 4)
        return seconds_of(run, self.times[how]) / self.times[how]

    def sample(self):
        return self.sample_of(self.how, self.run)


PROCESSES = {"start": ("W1", "start"), "memory": ("W1", "memory"), "memory-beside-data": ("W1", "memory-beside-data"),
             "memory-W4": ("W4", "memory")}


def peak_memory_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))


def first_step(name, threads):
    """One step, said as soon as it is done; then the most memory of some more, and the bytes of the data."""
    global torch
    import torch
    torch.set_num_threads(threads)
    make_model, x, y, rule = batch_of(name)
    model = make_model()
    optimizer = optimizer_of(rule, model.parameters())
    for number in range(100 if name == "W1" else 10):
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        if number == 0:
            print("1 step", flush=True)
    print(peak_memory_bytes(), x.numel() * 4 + y.numel() * 8, flush=True)
    os._exit(0)


def measure_first_step(name, threads):
    begin = time.perf_counter()
    child = subprocess.Popen([sys.executable, __file__, "--first-step", name, str(threads)], stdout=subprocess.PIPE,
                             text=True)
    child.stdout.readline()
    seconds = time.perf_counter() - begin
    peak, data = map(int, child.stdout.readline().split())
    child.wait()
    return {"start": seconds * 1e6, "memory": peak, "memory-beside-data": peak - data}


def serve():
    """Answers requests until there are none."""
    global torch
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever else is printed is no answer
    import torch
    cores = len(os.sched_getaffinity(0))
    print(f"PyTorch {torch.__version__}, tuned malloc", file=answers)
    ready = {}
    for line in sys.stdin:
        name, threads = line.rstrip("\n").split("\t")
        threads = min(int(threads), cores)  # never more spinners than cores
        if name in PROCESSES:
            of, what = PROCESSES[name]
            print(f"{measure_first_step(of, threads)[what]}\teager, import included", file=answers)
        elif name not in WORKLOADS:
            print("-", file=answers)
        else:
            torch.set_num_threads(threads)
            workload = ready.get((name, threads)) or ready.setdefault((name, threads), Workload(name, threads))
            seconds = workload.sample()
            time.sleep(0.01)  # its own spinning threads go to sleep before we are measured again
            print(f"{seconds * 1e6:.4f}\t{workload.how}", file=answers)
    answers.flush()
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1:] == ["--install"]:
        install()
    elif len(sys.argv) == 4 and sys.argv[1] == "--first-step" and sys.argv[2] in NETS and sys.argv[3].isdigit():
        settle()
        first_step(sys.argv[2], int(sys.argv[3]))
    elif len(sys.argv) == 1:
        settle()
        serve()
    else:
        sys.exit(__doc__)
