#!/usr/bin/env python3
"""Recipes, keys, files and directories that are wrong: one clear line, exit 2, nothing written."""
import gzip
import os
import shutil
import unittest

from case import Case, idx, safetensors


class BadInput(Case):
    def test_usage(self):
        self.refused("trian", says='"train"')
        self.refused("train", "--thread", "2", says="--threads")
        self.refused("train", "digts", says='"digits"')
        self.refused("train", "xor", "moons", says='"moons"')
        self.refused("train", says="vitro train digits")
        self.refused("train", "xor", "--threads", "0", says="--threads")
        self.refused("train", "xor", "--threads", "many", says="--threads")
        self.refused("train", "xor", "--seed", "-1", says="seed")
        self.refused("list", "ops", "lr=1", says="lr=1")
        self.refused("list", "opps", says='"ops"')
        self.refused("help", "trian", says='"train"')
        self.refused("inspect", "tanhh", says='"tanh"')
        self.refused("eval", says="no run yet")
        self.refused("predict", says="FILE")

    def test_keys(self):
        for words, says in ((["lrr=1"], '"lr"'), (["batch=0"], "batch"), (["lr=-1"], "lr"), (["epochs=-1"], "epochs"),
                            (["lr=abc"], "lr"), (["net=mpl"], '"mlp"'), (["--net", "mpl"], '"mlp"'), (["optimizer=adm"], '"adam"'),
                            (["loss=cros_entropy"], '"cross_entropy"'), (["loss=squared_eror"], '"squared_error"'),
                            (["loss=huber", "delta=0"], "delta"), (["label_smoothing=1"], "label_smoothing"),
                            (["class_weights=[1]"], "class_weights has 1 number"), (["class_weights=[1, x]"], "class_weights"),
                            (["loss={op=\"cross_entropy\", from_logits=false}"], "softmax"), (["loss=nll"], "log_softmax"),
                            (["momentum=2", "optimizer=sgd"], "momentum"), (["schedule=tme"], '"time"'), (["lr=nan"], "lr")):
            self.refused("train", "xor", *words, says=says)

    def test_normalisation_and_dropout(self):
        for words, says in ((["dropout=1"], "p is 1"), (["dropout=-0.1"], "p is -0.1"), (["norm=bath"], '"batch"'),
                            (["norm=batch", "batch=1"], "at least 2 values"),
                            (["norm=batch", "batch=32", "samples=33"], "last one of an epoch"),
                            (["norm=batch", "batch=4", "shards=4"], "shards")):
            self.refused("train", "moons", *words, "--out", "run", says=says)
        head = 'vitro = 1\n[data]\nsource = "moons"\n[net]\nlayers = ['
        for layer, says in (('{op="batch_norm", momentum=1.5}', "momentum is 1.5"), ('{op="batch_norm", eps=0}', "eps is 0"),
                            ('{op="layer_norm", axes=3}', "axes is 3"), ('{op="dropout", p=2}', "p is 2"),
                            ('{op="dropout", rate=0.2}', "rate"), ('{op="BatchNormalization"}', "unknown layer")):
            self.write("my.toml", head + layer + ', {op="dense", out="classes"}]\n')
            self.refused("train", "my.toml", says=says)

    def test_recipes(self):
        head = 'vitro = 1\n[data]\nsource = "xor"\n'
        net = '[net]\nlayers = [{op="dense", out=4}, {op="dense", out="classes"}]\n'
        for text, says in ((head + "[net]\nlayers = [{op=\"dens\", out=4}]\n", '"dense"'),
                           (head + net + "[train]\nlerning_rate = 1\n", "lerning_rate"),
                           (head + "[net]\nlayers = [{op=\"dense\", out=4, from=\"nowhere\"}]\n", "nowhere"),
                           (head + "[net]\nlayers = [{op=\"tanhh\"}]\n", '"tanh"'),
                           (head + net + "[train]\nloss = \"squard_error\"\n", '"squared_error"'),
                           (head + net + "[train]\nloss = {op=\"huber\", dleta=1}\n", '"delta"'),
                           (head + '[net]\nlayers = [{op="dense", out="classes", gain="rleu"}]\n', '"relu"'),
                           (head + '[net]\nlayers = [{op="dense", out="classes", bias_init="orthogonal"}]\n', "orthogonal"),
                           (head + net + "[train\n", "my.toml"),
                           ("vitro = 1\n[data]\nsource = \"xr\"\n" + net, "xr"),
                           (head + '[net]\nlayers = [{op="dense", out=4, name="a"}, {op="dense", out=5, name="b"}, '
                                   '{op="add", from=["a","b"]}, {op="dense", out="classes"}]\n', ("[1, 4]", "[1, 5]")),
                           (head + '[net]\nlayers = [{op="dense", out=7}]\n', "7")):
            self.write("my.toml", text)
            self.refused("train", "my.toml", says=says)
        self.refused("train", "missing.toml", says="missing.toml")

    def images(self, where, images, labels, pack=False):
        for name, content in (("train-images-idx3-ubyte", images), ("train-labels-idx1-ubyte", labels)):
            self.write(f"{where}/{name}" + (".gz" if pack else ""), gzip.compress(content) if pack else content)

    def test_idx(self):
        good_images, good_labels = idx(8, (40, 3, 3), bytes(range(180)) * 2), idx(8, (40,), bytes([0, 1] * 20))
        self.images("good", good_images, good_labels)
        self.json("train", "./good", "epochs=1", "--out", "run")
        self.images("packed", good_images, good_labels, pack=True)
        self.json("train", "./packed", "epochs=1", "--out", "run2")
        for name, images, labels in (("truncated", good_images[:-5], good_labels), ("oversized", good_images + b"x", good_labels),
                                     ("magic", b"\1" + good_images[1:], good_labels), ("counts", good_images, idx(8, (39,), bytes(39))),
                                     ("empty", b"", good_labels), ("overflow", idx(8, (2**31, 2**31, 2**31), b"xx"), good_labels),
                                     ("header", good_images[:7], good_labels)):
            self.images(name, images, labels)
            self.refused("train", f"./{name}", says=name)
        self.write("broken/train-images-idx3-ubyte.gz", gzip.compress(good_images)[:-12])
        self.write("broken/train-labels-idx1-ubyte", good_labels)
        self.refused("train", "./broken", says="broken")
        self.refused("predict", "run", "truncated/train-images-idx3-ubyte")
        self.write("wide", idx(8, (4, 5, 5), bytes(100)))
        self.refused("predict", "run", "./wide", says=("3", "5"))
        self.images("labels", good_images, idx(8, (40,), bytes([7] * 40)))
        self.refused("eval", "run", "labels/train-images-idx3-ubyte", says="7")

    def test_csv(self):
        for name, text in (("ragged.csv", "a,b,c\n1,2,x\n1,2\n"), ("empty.csv", ""), ("header.csv", "a,b,c\n")):
            self.write(name, text)
            self.refused("train", name, says=name)
        self.refused("train", "missing.csv", says="missing.csv")
        self.write("fine.csv", "a,b,c\n" + "".join(f"{i},{i * i % 7},{'xy'[i % 2]}\n" for i in range(60)))
        self.refused("train", "fine.csv", "target=d", says='d')
        self.refused("train", ".", says=".")

    def test_directories(self):
        self.write("file", "x")
        self.refused("train", "xor", "--out", "file", says="no directory")
        self.refused("train", "xor", "--out", "file/a")
        self.refused("train", "xor", "--out", "missing/a", says="missing")
        self.refused("train", "xor", "--out", "/proc/a")
        if os.getuid() != 0:
            (self.dir / "closed").mkdir(mode=0o500)
            self.refused("train", "xor", "--out", "closed/a", says="closed")

    def test_published_sets_that_are_not_here(self):
        self.refused("train", "mnist", says="vitro data fetch mnist")
        self.refused("data", "fetch", "mnits", says='"mnist"')
        self.refused("data", "pth", says='"path"')

    def test_safetensors(self):
        self.json("train", "xor", "epochs=1", "--out", "run")
        f4 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
        for content in (safetensors({"a": f4}, b"1234", length=10**18), safetensors({"a": f4}, b"1234", length=3), b"12",
                        safetensors({"a": f4, "b": f4}, b"1234"),
                        safetensors({"a": {**f4, "data_offsets": [0, 400]}}, b"1234"),
                        safetensors({"a": {**f4, "data_offsets": [8, 4]}}, b"12345678"),
                        safetensors({"a": {**f4, "shape": [2**40, 2**40]}}, b"1234"),
                        safetensors({"a": {**f4, "shape": [-1]}}, b"1234"),
                        safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', b"1234"),
                        safetensors({"a": {**f4, "dtype": "Q7"}}, b"1234"), safetensors({"a": f4}, b"123"),
                        safetensors({"a": f4}, b"12345"), safetensors(b"{", b"")):
            self.write("run/weights.safetensors", content)
            self.refused("eval", "run", says="weights.safetensors")
            self.refused("inspect", "run/weights.safetensors")

    def test_weights_of_another_net(self):
        self.json("train", "xor", "epochs=1", "--out", "a")
        self.json("train", "xor", "epochs=1", "--net", "linear", "--out", "b")
        shutil.copy(self.dir / "b/weights.safetensors", self.dir / "a/weights.safetensors")
        self.refused("eval", "a", says="fc2.weight")

    def test_explain(self):
        self.json("train", "xor", "epochs=1", "--out", "a")
        for words, says in ((["--param", "fc9.weight:0,0"], "fc9"), (["--param", "fc1.weight:0"], "fc1.weight"),
                            (["--param", "fc1.weight:9999,0"], "9999"), (["--sample", "100000"], "--sample"),
                            (["--neuron", "fc1"], "--neuron"), (["--neuron", "fc1:100000"], "100000"), (["--param", "random:x"], "random")):
            self.refused("explain", "a", *words, says=says)

    def test_shapes(self):
        self.refused("shape", "(64,3) @", says="shape")
        self.refused("shape", "(64,3) % (3,)", says="%")
        self.refused("shape", "(-1,3) @ (3,)", says="extent")


if __name__ == "__main__":
    unittest.main()
