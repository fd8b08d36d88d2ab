# Each target is one line over a command that works without make too: see the head of tasks.py.
PYTHON ?= python3

.PHONY: site test check build serve page update bench zensical setup lock
site: ;   @$(PYTHON) tasks.py site
test: ;   @$(PYTHON) tasks.py test
check: ;  @$(PYTHON) tasks.py check $(STEP)
build: ;  @$(PYTHON) tasks.py build
serve: ;  @$(PYTHON) tasks.py serve
page: ;   @$(PYTHON) tasks.py page $(PAGE)
update: ; @$(PYTHON) tasks.py update $(PAGE)
bench: ;  @$(PYTHON) tasks.py bench $(NAME)
zensical: ; @$(PYTHON) tasks.py zensical
setup: ;  @$(PYTHON) tasks.py setup
lock: ;   @$(PYTHON) tasks.py lock
