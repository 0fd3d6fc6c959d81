/* The Chain type: kinematics of one serial chain, immutable. */
#include "py_core.h"

#include <string.h>

/* Above this many configurations a batch runs without the GIL. */
#define BATCH_WITHOUT_GIL 8

static void
read_frames(const double *matrices, size_t n, sc_frame *out)
{
    for (size_t i = 0; i < n; i++) {
        sc_frame_from_matrix(matrices + 16 * i, &out[i]);
    }
}

static sc_status
fill_chain(sc_chain *chain, const Py_buffer *views)
{
    const double *kinds = views[1].buf, *frames = views[3].buf;
    read_frames(views[0].buf, chain->dof, chain->before);
    read_frames(views[2].buf, 1, &chain->tip);
    read_frames(views[4].buf, chain->links, chain->link_offset);
    for (size_t i = 0; i < chain->dof; i++) {
        chain->kind[i] = kinds[i] == 0.0 ? SC_REVOLUTE : SC_PRISMATIC;
    }
    for (size_t i = 0; i < chain->links; i++) {
        if (!(frames[i] >= 0.0 && frames[i] <= (double)chain->dof)) {
            return SC_BAD_ARGUMENT;
        }
        chain->link_frame[i] = (size_t)frames[i];
    }
    memcpy(chain->lower, views[5].buf, chain->dof * sizeof(double));
    memcpy(chain->upper, views[6].buf, chain->dof * sizeof(double));
    return sc_chain_check(chain);
}

static PyObject *
chain_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *before, *kinds, *tip, *frames, *offsets, *lower, *upper;
    Py_ssize_t dof, links;
    static char *names[] = {"dof",         "links",        "before", "kinds", "tip",
                            "link_frames", "link_offsets", "lower",  "upper", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "nnOOOOOOO:Chain", names, &dof, &links, &before,
                                     &kinds, &tip, &frames, &offsets, &lower, &upper)) {
        return NULL;
    }
    if (dof < 1 || dof > SC_MAX_DOF || links < 1 || links > SC_MAX_LINKS) {
        return PyErr_Format(PyExc_ValueError,
                            "a chain has 1 to %d joints and 1 to %d links, not %zd and %zd",
                            SC_MAX_DOF, SC_MAX_LINKS, dof, links);
    }
    const core_request requests[7] = {{before, 0, 16 * dof, "before"},
                                      {kinds, 0, dof, "kinds"},
                                      {tip, 0, 16, "tip"},
                                      {frames, 0, links, "link_frames"},
                                      {offsets, 0, 16 * links, "link_offsets"},
                                      {lower, 0, dof, "lower"},
                                      {upper, 0, dof, "upper"}};
    Py_buffer views[7];
    if (core_gather(requests, 7, views) != 0) {
        return NULL;
    }
    chain_object *self = (chain_object *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->chain.dof = (size_t)dof;
        self->chain.links = (size_t)links;
        sc_status status = fill_chain(&self->chain, views);
        if (status != SC_OK) {
            core_raise("Chain", status);
            Py_CLEAR(self);
        }
        else {
            sc_ik_analyse(&self->chain, &self->ik);
        }
    }
    core_release(views, 7);
    return (PyObject *)self;
}

static void
chain_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

typedef enum { FK, FK_LINKS, JACOBIAN } batch_kind;

static void
run_batch(const sc_chain *chain, batch_kind kind, size_t n, const double *q, double *out)
{
    sc_frame frames[SC_MAX_LINKS];
    double axes[6 * SC_MAX_DOF];
    size_t dof = chain->dof, links = chain->links;
    for (size_t k = 0; k < n; k++, q += dof) {
        if (kind == FK) {
            sc_chain_fk(chain, q, frames);
            sc_frame_to_matrix(frames, out + 16 * k);
        }
        else if (kind == FK_LINKS) {
            sc_chain_fk_links(chain, q, frames);
            for (size_t i = 0; i < links; i++) {
                sc_frame_to_matrix(&frames[i], out + 16 * (k * links + i));
            }
        }
        else {
            sc_chain_jacobian(chain, q, frames, axes);
            for (size_t i = 0; i < dof; i++) {
                for (size_t row = 0; row < 6; row++) {
                    out[k * 6 * dof + row * dof + i] = axes[6 * i + row];
                }
            }
        }
    }
}

/* (q, out): as many configurations as q holds; out has `each` doubles per configuration. */
static PyObject *
batch(PyObject *object, PyObject *const *args, Py_ssize_t nargs, batch_kind kind, const char *name)
{
    const sc_chain *chain = &((chain_object *)object)->chain;
    if (core_arguments(name, nargs, 2) != 0) {
        return NULL;
    }
    Py_buffer q, out;
    if (core_doubles(args[0], &q, 0, -1, "q") != 0) {
        return NULL;
    }
    Py_ssize_t row = (Py_ssize_t)(chain->dof * sizeof(double));
    Py_ssize_t n = q.len / row;
    Py_ssize_t each = kind == FK         ? 16
                      : kind == FK_LINKS ? 16 * (Py_ssize_t)chain->links
                                         : 6 * (Py_ssize_t)chain->dof;
    if (q.len % row != 0) {
        PyErr_Format(PyExc_ValueError, "q must hold a multiple of %zu values", chain->dof);
        PyBuffer_Release(&q);
        return NULL;
    }
    if (core_doubles(args[1], &out, 1, n * each, "out") != 0) {
        PyBuffer_Release(&q);
        return NULL;
    }
    if (n > BATCH_WITHOUT_GIL) {
        Py_BEGIN_ALLOW_THREADS run_batch(chain, kind, (size_t)n, q.buf, out.buf);
        Py_END_ALLOW_THREADS
    }
    else {
        run_batch(chain, kind, (size_t)n, q.buf, out.buf);
    }
    PyBuffer_Release(&out);
    PyBuffer_Release(&q);
    Py_RETURN_NONE;
}

/* Gets a buffer of exactly this shape (columns 0: a vector) without raising. */
static bool
shaped(PyObject *object, Py_buffer *view, int writable, Py_ssize_t rows, Py_ssize_t columns)
{
    if (!PyObject_CheckBuffer(object) || core_doubles(object, view, writable, -1, "") != 0) {
        PyErr_Clear();
        return false;
    }
    bool fits = view->shape != NULL && view->ndim == (columns > 0 ? 2 : 1) &&
                view->shape[0] == rows && (columns == 0 || view->shape[1] == columns);
    if (!fits) {
        PyBuffer_Release(view);
    }
    return fits;
}

static bool
all_finite(const double *values, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += 0.0 * values[i]; /* NaN as soon as one of them is not finite */
    }
    return sum == 0.0;
}

/* One configuration, the quick way: False, without an exception, if q or out is anything else than
 * arrays of float64 of the right shapes, q of finite numbers. */
static PyObject *
single(PyObject *object, PyObject *const *args, Py_ssize_t nargs, batch_kind kind, const char *name)
{
    const sc_chain *chain = &((chain_object *)object)->chain;
    Py_ssize_t dof = (Py_ssize_t)chain->dof;
    Py_buffer q, out;
    if (core_arguments(name, nargs, 2) != 0) {
        return NULL;
    }
    if (!shaped(args[0], &q, 0, dof, 0)) {
        Py_RETURN_FALSE;
    }
    bool fits = all_finite(q.buf, chain->dof) &&
                shaped(args[1], &out, 1, kind == FK ? 4 : 6, kind == FK ? 4 : dof);
    if (fits) {
        run_batch(chain, kind, 1, q.buf, out.buf);
        PyBuffer_Release(&out);
    }
    PyBuffer_Release(&q);
    return PyBool_FromLong(fits);
}

static PyObject *
chain_fk_one(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return single(self, args, nargs, FK, "fk_one");
}

static PyObject *
chain_jacobian_one(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return single(self, args, nargs, JACOBIAN, "jacobian_one");
}

static PyObject *
chain_fk(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return batch(self, args, nargs, FK, "fk");
}

static PyObject *
chain_fk_links(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return batch(self, args, nargs, FK_LINKS, "fk_links");
}

static PyObject *
chain_jacobian(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return batch(self, args, nargs, JACOBIAN, "jacobian");
}

static PyObject *
chain_reach(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyFloat_FromDouble(sc_chain_reach(&((chain_object *)self)->chain));
}

#define FASTCALL(name, text) {#name, (PyCFunction)(void (*)(void))chain_##name, METH_FASTCALL, text}

static PyMethodDef chain_methods[] = {
    FASTCALL(fk, "fk(q, out): tip poses, (m, dof) -> (m, 4, 4)"),
    FASTCALL(fk_one, "fk_one(q, out): (dof,) -> (4, 4); False if the arguments are not such"),
    FASTCALL(jacobian_one, "jacobian_one(q, out): (dof,) -> (6, dof); False as fk_one"),
    FASTCALL(fk_links, "fk_links(q, out): link poses, (m, dof) -> (m, links, 4, 4)"),
    FASTCALL(jacobian, "jacobian(q, out): (m, dof) -> (m, 6, dof)"),
    CORE_IK_METHODS,
    {"reach", chain_reach, METH_NOARGS, "upper bound of the distance first joint to tip [m]"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot chain_slots[] = {
    {Py_tp_new, CORE_SLOT(chain_new)},
    {Py_tp_dealloc, CORE_SLOT(chain_dealloc)},
    {Py_tp_methods, chain_methods},
    {Py_tp_doc, "Kinematics of one serial chain; immutable, safe to share between threads."},
    {0, NULL},
};

static PyType_Spec chain_spec = {
    .name = "smart_cell.planner._core.Chain",
    .basicsize = sizeof(chain_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = chain_slots,
};

int
core_add_chain(PyObject *module, core_state *state)
{
    state->chain_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &chain_spec, NULL);
    return state->chain_type == NULL ? -1 : PyModule_AddType(module, state->chain_type);
}
