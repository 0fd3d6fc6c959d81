/* The Chain type: kinematics of one serial chain, immutable. */
#include "py_core.h"

#include <string.h>

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
        else if (core_ik_prepare(self) != 0) {
            Py_CLEAR(self);
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

static PyObject *
chain_reach(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyFloat_FromDouble(sc_chain_reach(&((chain_object *)self)->chain));
}

#define FASTCALL(name, text) {#name, (PyCFunction)(void (*)(void))chain_##name, METH_FASTCALL, text}

static PyMethodDef chain_methods[] = {
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
