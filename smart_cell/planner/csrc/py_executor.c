/* The Executor type: one arm's set-points. A lock makes it safe to share between threads; while the
 * real-time thread runs (py_realtime.c), commands go through it. */
#include "py_executor.h"

void
core_executor_lock(executor_object *self)
{
    if (!PyThread_acquire_lock(self->lock, NOWAIT_LOCK)) {
        Py_BEGIN_ALLOW_THREADS PyThread_acquire_lock(self->lock, WAIT_LOCK);
        Py_END_ALLOW_THREADS
    }
}

void
core_executor_unlock(executor_object *self)
{
    PyThread_release_lock(self->lock);
}

spline_object *
core_executor_let_go(executor_object *self)
{
    spline_object *old = NULL;
    if (self->executor.path == NULL) {
        old = self->path;
        self->path = NULL;
    }
    return old;
}

static sc_executor
current(executor_object *self)
{
    sc_executor copy = self->executor;
    if (self->started) {
        sc_realtime_look(self->realtime, &copy);
    }
    return copy;
}

/* A copy of the executor as it is now; does not wait for a command that the thread is taking. */
static sc_executor
look(executor_object *self)
{
    bool locked = !self->started;
    if (locked) {
        core_executor_lock(self);
    }
    sc_executor copy = current(self);
    if (locked) {
        core_executor_unlock(self);
    }
    return copy;
}

/* Makes a change, here or in the thread; *after: the executor at that moment. Under the lock.
 * Returns -1 with an exception if the thread has not taken it. */
static int
make_change(executor_object *self, sc_change change, void *context, sc_executor *after)
{
    sc_status status = SC_OK;
    PyThreadState *others = PyEval_SaveThread();
    if (self->started) {
        status = sc_realtime_command(self->realtime, change, context, after);
    }
    else {
        (void)change(&self->executor, context);
        *after = self->executor;
    }
    PyEval_RestoreThread(others);
    if (status != SC_OK) {
        PyErr_SetString(PyExc_RuntimeError, sc_status_text(status));
        return -1;
    }
    self->command_time = sc_executor_time(after);
    return 0;
}

static int
check_stepped(const executor_object *self)
{
    if (self->started) {
        PyErr_SetString(PyExc_RuntimeError, "the executor is driven by its thread");
        return -1;
    }
    return 0;
}

static PyObject *
executor_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"dof", "limits", "period", "tolerance", "with_jerk", NULL};
    PyObject *rows;
    Py_ssize_t dof;
    double period, tolerance;
    int with_jerk;
    Py_buffer view;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "nOddp:Executor", names, &dof, &rows, &period,
                                     &tolerance, &with_jerk)) {
        return NULL;
    }
    if (dof < 1 || dof > SC_MAX_DOF) {
        return PyErr_Format(PyExc_ValueError, "an executor has 1 to %d joints, not %zd", SC_MAX_DOF,
                            dof);
    }
    if (core_doubles(rows, &view, 0, 5 * dof, "limits") != 0) {
        return NULL;
    }
    executor_object *self = (executor_object *)type->tp_alloc(type, 0);
    if (self != NULL) {
        sc_limits limits = core_limits(view.buf, (size_t)dof);
        self->state = PyType_GetModuleState(type);
        self->socket = -1;
        self->lock = PyThread_allocate_lock();
        sc_status status = self->lock == NULL
                               ? SC_NO_MEMORY
                               : sc_executor_init(&self->executor, (size_t)dof, period, tolerance,
                                                  with_jerk != 0, &limits);
        if (status != SC_OK) {
            core_raise("Executor", status);
            Py_CLEAR(self);
        }
    }
    PyBuffer_Release(&view);
    return (PyObject *)self;
}

static void
executor_dealloc(PyObject *object)
{
    executor_object *self = (executor_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    core_executor_end_thread(self);
    if (self->lock != NULL) {
        PyThread_free_lock(self->lock);
    }
    Py_XDECREF(self->path);
    type->tp_free(object);
    Py_DECREF(type);
}

static int
check_placed(const executor_object *self)
{
    if (!self->executor.placed) {
        PyErr_SetString(PyExc_ValueError, "the executor has no position yet");
        return -1;
    }
    return 0;
}

/* step(out (3, dof)): (time, active, path_time, speed). */
static PyObject *
executor_step(PyObject *object, PyObject *argument)
{
    executor_object *self = (executor_object *)object;
    size_t dof = self->executor.dof;
    Py_buffer view;
    if (check_placed(self) != 0 ||
        core_doubles(argument, &view, 1, 3 * (Py_ssize_t)dof, "out") != 0) {
        return NULL;
    }
    double *out = view.buf;
    core_executor_lock(self);
    if (check_stepped(self) != 0) {
        core_executor_unlock(self);
        PyBuffer_Release(&view);
        return NULL;
    }
    sc_set_point point = sc_executor_step(&self->executor, out, out + dof, out + 2 * dof);
    spline_object *old = core_executor_let_go(self);
    core_executor_unlock(self);
    Py_XDECREF(old);
    PyBuffer_Release(&view);
    return Py_BuildValue("(dOdd)", point.time, point.active ? Py_True : Py_False, point.path_time,
                         point.rate);
}

static PyObject *
executor_reset(PyObject *object, PyObject *argument)
{
    executor_object *self = (executor_object *)object;
    Py_buffer view;
    if (core_doubles(argument, &view, 0, (Py_ssize_t)self->executor.dof, "position") != 0) {
        return NULL;
    }
    core_executor_lock(self);
    int refused = check_stepped(self);
    if (refused == 0) {
        sc_executor_reset(&self->executor, view.buf);
    }
    spline_object *old = core_executor_let_go(self);
    core_executor_unlock(self);
    Py_XDECREF(old);
    PyBuffer_Release(&view);
    return refused == 0 ? Py_NewRef(Py_None) : NULL;
}

static const char *const mode_names[] = {"idle", "moving", "holding", "stopping"};

/* A trajectory to be taken, and what does not fit. */
typedef struct {
    const spline_object *next;
    spline_object *path; /* is composed here */
    bool trim;           /* whether its memory may shrink, and move */
    double at, tolerance;
    bool from_rest;
    bool refused; /* for the sake of the mode */
    sc_mode mode;
    double rest_time;
    sc_status status;
    sc_mismatch mismatch;
    sc_violation violation;
} taking;

static bool
take(sc_executor *executor, void *context)
{
    taking *t = context;
    double now = sc_executor_time(executor), at = isnan(t->at) ? now : t->at;
    t->mode = executor->mode;
    t->rest_time = sc_executor_rest_time(executor);
    t->refused = executor->mode == SC_HOLDING || executor->mode == SC_STOPPING ||
                 (t->from_rest && executor->mode == SC_MOVING && t->rest_time > fmax(at, now));
    if (t->refused) {
        return false;
    }
    t->status = sc_executor_compose(executor, &t->next->spline, at, t->tolerance, t->from_rest,
                                    &t->path->spline, &t->mismatch, &t->violation);
    if (t->status != SC_OK) {
        return false;
    }
    if (t->trim) {
        core_spline_trim(t->path);
    }
    sc_executor_adopt(executor, &t->path->spline, at);
    return true;
}

static PyObject *
refusal(const taking *t)
{
    if (t->refused) {
        return Py_BuildValue("(s(sd))", "mode", mode_names[t->mode], t->rest_time);
    }
    if (t->status == SC_OK) {
        Py_RETURN_NONE;
    }
    if (t->status == SC_LIMIT_EXCEEDED) {
        return Py_BuildValue("(sN)", "limit", core_violation(&t->violation));
    }
    if (t->status == SC_MISMATCH) {
        const sc_mismatch *m = &t->mismatch;
        sc_violation violation = {m->joint, m->quantity, m->value, m->expected, 0.0, 0.0};
        return Py_BuildValue("(sN)", "mismatch", core_violation(&violation));
    }
    return core_raise("Executor", t->status);
}

/* take(spline, at or NaN for now, position_tolerance, from_rest): None; or ("mode", (mode, rest
 * time)), or ("limit" or "mismatch", (joint, quantity, value, limit or expected, time)). */
static PyObject *
executor_take(PyObject *object, PyObject *args)
{
    executor_object *self = (executor_object *)object;
    spline_object *next;
    taking t = {.mismatch = {.joint = 0}, .violation = {.joint = 0}};
    int from_rest;
    if (!PyArg_ParseTuple(args, "O!ddp:take", self->state->spline_type, &next, &t.at, &t.tolerance,
                          &from_rest)) {
        return NULL;
    }
    if (next->spline.dof != self->executor.dof) {
        return PyErr_Format(PyExc_ValueError, "a trajectory of %zu joints for an executor of %zu",
                            next->spline.dof, self->executor.dof);
    }
    t.next = next;
    t.from_rest = from_rest != 0;
    core_executor_lock(self);
    sc_executor now = current(self);
    t.trim = !self->started;
    if (check_placed(self) == 0) {
        t.path = core_spline_new(self->state, now.dof, sc_executor_capacity(&now, &next->spline));
    }
    int result = t.path != NULL ? make_change(self, take, &t, &now) : -1;
    spline_object *old = t.path;
    if (result == 0 && !t.refused && t.status == SC_OK) {
        old = self->path;
        self->path = t.path;
    }
    core_executor_unlock(self);
    Py_XDECREF(old);
    return result == 0 ? refusal(&t) : NULL;
}

/* Another command: `function`, or set_speed. */
typedef struct {
    sc_status (*function)(sc_executor *executor);
    double speed;
    sc_status status;
} simple_command;

static bool
command(sc_executor *executor, void *context)
{
    simple_command *c = context;
    c->status =
        c->function != NULL ? c->function(executor) : sc_executor_set_speed(executor, c->speed);
    return c->status != SC_BAD_ARGUMENT;
}

/* (changed, when it stands, or, if `to_end`, when the motion has ended). */
static PyObject *
run_command(PyObject *object, simple_command c, bool to_end)
{
    executor_object *self = (executor_object *)object;
    sc_executor after;
    core_executor_lock(self);
    int result = make_change(self, command, &c, &after);
    double time = 0.0;
    if (result == 0) {
        time = to_end ? sc_executor_rest_time(&after) : sc_executor_stand_time(&after);
    }
    core_executor_unlock(self);
    if (result == 0 && c.status == SC_BAD_ARGUMENT) {
        return core_raise("set_speed", c.status);
    }
    return result == 0 ? Py_BuildValue("(Nd)", PyBool_FromLong(c.status == SC_OK), time) : NULL;
}

static PyObject *
executor_hold(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    simple_command c = {sc_executor_hold, 0.0, SC_OK};
    return run_command(self, c, false);
}

static PyObject *
executor_stop(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    simple_command c = {sc_executor_stop, 0.0, SC_OK};
    return run_command(self, c, false);
}

static PyObject *
executor_resume(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    simple_command c = {sc_executor_resume, 0.0, SC_OK};
    return run_command(self, c, true);
}

static PyObject *
executor_set_speed(PyObject *self, PyObject *argument)
{
    simple_command c = {NULL, PyFloat_AsDouble(argument), SC_OK};
    if (c.speed == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    return run_command(self, c, true);
}

static PyObject *
get_time(PyObject *self, void *Py_UNUSED(closure))
{
    sc_executor now = look((executor_object *)self);
    return PyFloat_FromDouble(sc_executor_time(&now));
}

static PyObject *
get_mode(PyObject *self, void *Py_UNUSED(closure))
{
    sc_executor now = look((executor_object *)self);
    return PyUnicode_FromString(mode_names[now.mode]);
}

static PyObject *
get_placed(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(((executor_object *)self)->executor.placed);
}

static PyObject *
get_speed(PyObject *self, void *Py_UNUSED(closure))
{
    sc_executor now = look((executor_object *)self);
    return PyFloat_FromDouble(now.speed);
}

/* The copy's path may be let go by a later command: its times are taken under the lock. */
static PyObject *
get_rest_time(PyObject *object, void *Py_UNUSED(closure))
{
    executor_object *self = (executor_object *)object;
    core_executor_lock(self);
    sc_executor now = current(self);
    double time = sc_executor_rest_time(&now);
    core_executor_unlock(self);
    return PyFloat_FromDouble(time);
}

static PyObject *
get_started(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(((executor_object *)self)->started);
}

static PyObject *
get_command_time(PyObject *self, void *Py_UNUSED(closure))
{
    return PyFloat_FromDouble(((executor_object *)self)->command_time);
}

static PyGetSetDef executor_getset[] = {
    {"time", get_time, NULL, "time of the latest set-point [s]", NULL},
    {"mode", get_mode, NULL, "idle, moving, holding or stopping", NULL},
    {"placed", get_placed, NULL, "whether a position is known", NULL},
    {"speed", get_speed, NULL, "the asked speed, 0..1", NULL},
    {"rest_time", get_rest_time, NULL, "when the present motion will have ended [s]", NULL},
    {"started", get_started, NULL, "between start and finish", NULL},
    {"command_time", get_command_time, NULL, "time of the latest command [s]", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef executor_methods[] = {
    {"step", executor_step, METH_O, "step(out (3, dof)): (time, active, path_time, speed)"},
    {"reset", executor_reset, METH_O, "reset(position)"},
    {"take", executor_take, METH_VARARGS,
     "take(spline, at or NaN, position_tolerance, from_rest): None or what does not fit"},
    {"hold", executor_hold, METH_NOARGS, "hold(): (changed, time at which it stands)"},
    {"stop", executor_stop, METH_NOARGS, "stop(): (changed, time at which it stands)"},
    {"resume", executor_resume, METH_NOARGS, "resume(): (changed, rest time)"},
    {"set_speed", executor_set_speed, METH_O, "set_speed(0..1): (changed, rest time)"},
    {"start", core_executor_start, METH_VARARGS,
     "start(ring's memory or socket's descriptor, priority or 0, spin [s], grace [s])"},
    {"leave", core_executor_leave, METH_NOARGS, "leave(): the thread ends once the arm stands"},
    {"wait", core_executor_wait, METH_O, "wait(seconds): whether the thread has ended"},
    {"finish", core_executor_finish, METH_NOARGS, "finish(): errno of the sink, or 0"},
    {"statistics", core_executor_statistics, METH_NOARGS,
     "statistics(): (cycles, missed, unsent, lag, p50, p99, p999, max, priority, locked), or None"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot executor_slots[] = {
    {Py_tp_new, CORE_SLOT(executor_new)},  {Py_tp_dealloc, CORE_SLOT(executor_dealloc)},
    {Py_tp_methods, executor_methods},     {Py_tp_getset, executor_getset},
    {Py_tp_doc, "Set-points of one arm."}, {0, NULL},
};

static PyType_Spec executor_spec = {
    .name = "smart_cell.planner._core.Executor",
    .basicsize = sizeof(executor_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = executor_slots,
};

int
core_add_executor(PyObject *module, core_state *state)
{
    state->executor_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &executor_spec, NULL);
    return state->executor_type == NULL ? -1 : PyModule_AddType(module, state->executor_type);
}
