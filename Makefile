PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.complete
EXTRAS := .venv/.extras
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: setup extras run test differential checkpoints coverage bench screenshots pictures methods translations clean

setup: $(STAMP) $(EXTRAS)

$(STAMP): pyproject.toml training/pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing Clarity Desktop and its libraries into .venv (about 500 MB the first time; can be interrupted and resumed)."
	$(BIN)/python -m pip install -q -c constraints.txt torch torchvision
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install -q --no-deps -e training
	@touch $@

extras: $(EXTRAS)

# pyiqa, facexlib and groundingdino-py declare conflicting dependencies; install what they really import, without them.
$(EXTRAS): $(STAMP)
	$(BIN)/python -m pip install -q -c constraints.txt setuptools wheel transformers addict yapf matplotlib pycocotools einops requests pyyaml
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation pyiqa==0.1.16 facexlib==0.3.0 openai-clip==1.0.1 groundingdino-py==0.4.0 supervision==0.6.0
	@touch $@

run: setup
	@$(BIN)/python -m clarity_desktop --first-run

test: setup
	@QT_QPA_PLATFORM=offscreen PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/check.py

# Our reader of photos compared with others over some 600 generated files.
differential: setup
	@$(BIN)/python -m tests.differential

# Segment Anything and GroundingDINO at their official sizes with random weights, without a network (minutes, 3 GB).
checkpoints: setup
	@QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.checkpoints
	@QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -q -n0 tests/large_networks.py

coverage: setup
	@QT_QPA_PLATFORM=offscreen PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest --cov --cov-report=term

# The published graphs, for comparison with our implementation (137 MB, through npm).
out/packages:
	mkdir -p $@.part
	cd $@.part && npm pack --silent @upscalerjs/maxim-deraining@0.1.0 @upscalerjs/maxim-denoising@0.1.0
	cd $@.part && for f in *.tgz; do mkdir -p "$${f%.tgz}" && tar -xzf "$$f" -C "$${f%.tgz}"; done
	mv $@.part $@

bench: setup out/packages
	$(BIN)/clarity models fetch maxim-deraining
	-$(BIN)/clarity models fetch niqe brisque sseq
	CLARITY_WEIGHTS="$(CURDIR)/out/packages" $(BIN)/python -m benchmarks.maxim
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m benchmarks.window
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m benchmarks.canvas
	$(BIN)/python -m benchmarks.networks
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.iqa

screenshots: setup
	$(BIN)/clarity models fetch maxim-deraining niqe
	QT_QPA_PLATFORM=offscreen $(BIN)/python benchmarks/screenshots.py

# The page of the models of Table 1, from docs/table1.toml, the catalog and the table of methods.
methods: setup
	$(BIN)/python -m benchmarks.methods_page

# English needs a translation for its plural forms only. New ones are left empty: fill them in, then run this again.
pictures: setup
	CLARITY_PICTURES=docs/pictures $(BIN)/python -m pytest -q -n0 -p no:cacheprovider \
		tests/stories/test_paper_conversation.py tests/stories/test_case_studies.py -k "not language"

translations: setup
	$(BIN)/pyside6-lupdate -pluralonly -no-obsolete -locations none -source-language en -extensions py clarity_desktop/ui \
		-ts resources/translations/clarity_en.ts
	$(BIN)/pyside6-lrelease resources/translations/clarity_en.ts -qm resources/translations/clarity_en.qm

clean:
	rm -rf .venv build dist out *.egg-info
